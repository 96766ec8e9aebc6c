/// The names that an event's time zone can have: those of the IANA database, as a person chooses them.
///
/// Browsers and operating systems go on reporting names that were given up (`Asia/Calcutta`, `Europe/Kiev`), while a
/// PostgreSQL whose tzdata comes without its links knows only the names of today. So what comes in is kept under its
/// name of today: every statement that says `AT TIME ZONE`, and every page and mail, then means the same zone.
///
///     ZoneNames.canonical("Asia/Saigon")       // Asia/Ho_Chi_Minh
///     ZoneNames.canonical("Europe/Amsterdam")  // itself: a place of its own, though its clocks are those of Brussels
///     ZoneNames.canonical("posix/Asia/Tokyo")  // nil
public enum ZoneNames {
    private static let today: [Substring: Substring] = {
        var names: [Substring: Substring] = [:]
        for line in ZoneNameTable.text.split(separator: "\n") {
            let spellings = line.split(separator: " ")
            for spelling in spellings { names[spelling] = spellings[0] }
        }
        return names
    }()

    /// The name of today of a zone; nil when none is called so. Case and blanks count.
    public static func canonical(_ name: String) -> String? {
        // Swift compares characters, of which some beyond ASCII equal a letter in it (U+212A, a K).
        guard name.utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
        return today[name[...]].map(String.init)
    }
}
