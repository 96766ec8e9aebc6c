/// The valid names of an event's time zone: those of the IANA database, as people choose them.
///
/// Browsers and operating systems keep reporting obsolete names (`Asia/Calcutta`, `Europe/Kiev`), while a PostgreSQL
/// whose tzdata lacks links knows only the current ones. So input is stored under its current name: every `AT TIME
/// ZONE` in SQL, and every page and email, then means the same zone.
///
///     ZoneNames.canonical("Asia/Saigon")       // Asia/Ho_Chi_Minh
///     ZoneNames.canonical("Europe/Amsterdam")  // itself: a zone of its own, although its clocks are those of Brussels
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

    /// The current name of a zone; nil if there is no such zone. Case and spaces are significant.
    public static func canonical(_ name: String) -> String? {
        // Swift compares characters, and some beyond ASCII equal an ASCII letter (U+212A, a K).
        guard name.utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
        return today[name[...]].map(String.init)
    }
}
