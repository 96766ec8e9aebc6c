import Domain
import Testing

@Suite("Names of time zones")
struct ZoneNamesTests {
    @Test(
        "a place that people choose stays as it is, whatever its clocks are shared with",
        arguments: [
            "Europe/Berlin", "Europe/Amsterdam", "Europe/Oslo", "Europe/Kyiv", "Europe/Bratislava",
            "Atlantic/Reykjavik", "Africa/Accra", "America/Argentina/Buenos_Aires", "America/Indiana/Indianapolis",
            "America/Port-au-Prince",
            "America/St_Barthelemy", "Arctic/Longyearbyen", "Asia/Kolkata", "Pacific/Kanton", "UTC", "GMT", "Etc/UTC",
            "Etc/GMT+5", "Etc/GMT-14",
        ])
    func stays(_ name: String) {
        #expect(ZoneNames.canonical(name) == name)
    }

    @Test(
        "a spelling that was given up is the same zone by its name of today",
        arguments: [
            ("Asia/Saigon", "Asia/Ho_Chi_Minh"), ("Asia/Calcutta", "Asia/Kolkata"), ("Asia/Katmandu", "Asia/Kathmandu"),
            ("Asia/Rangoon", "Asia/Yangon"), ("Asia/Istanbul", "Europe/Istanbul"), ("Europe/Kiev", "Europe/Kyiv"),
            ("Europe/Uzhgorod", "Europe/Kyiv"), ("Europe/Belfast", "Europe/London"),
            ("America/Buenos_Aires", "America/Argentina/Buenos_Aires"),
            ("America/Argentina/ComodRivadavia", "America/Argentina/Catamarca"),
            ("America/Indianapolis", "America/Indiana/Indianapolis"), ("America/Godthab", "America/Nuuk"),
            ("Africa/Asmera", "Africa/Asmara"), ("Africa/Timbuktu", "Africa/Bamako"),
            ("Atlantic/Faeroe", "Atlantic/Faroe"), ("Pacific/Truk", "Pacific/Chuuk"),
            ("Pacific/Enderbury", "Pacific/Kanton"),
            ("US/Eastern", "America/New_York"), ("Iceland", "Atlantic/Reykjavik"), ("Japan", "Asia/Tokyo"),
            ("EST5EDT", "America/New_York"), ("CET", "Europe/Brussels"), ("Zulu", "Etc/UTC"), ("GMT0", "Etc/GMT"),
        ])
    func renamed(_ before: String, _ today: String) {
        #expect(ZoneNames.canonical(before) == today)
    }

    @Test(
        "what is no name of a zone is none",
        arguments: [
            "", " ", "posix/Europe/Berlin", "right/Europe/Berlin", "SystemV/PST8PDT", "localtime", "posixrules",
            "Factory",
            "Etc/Unknown", " Europe/Berlin", "Europe/Berlin ", "Europe/Berlin\n", "europe/berlin", "EUROPE/BERLIN",
            "utc",
            "Europe", "Europe/", "/Europe/Berlin", "Europe/Atlantis", "Asia/\u{212A}olkata", "+02:00", "UTC+2", "PST",
            "Europe/Berlin Europe/Paris", "Etc/GMT+15",
        ])
    func refused(_ name: String) {
        #expect(ZoneNames.canonical(name) == nil)
    }

    /// What Chromium, Firefox and Safari report on machines that are set up by these names (CLDR keeps them for ever).
    @Test("every name that CLDR keeps though it was given up is known")
    func reported() {
        for name in [
            "Africa/Asmera", "America/Buenos_Aires", "America/Catamarca", "America/Coral_Harbour", "America/Cordoba",
            "America/Godthab", "America/Indianapolis", "America/Jujuy", "America/Louisville", "America/Mendoza",
            "Asia/Calcutta", "Asia/Katmandu", "Asia/Rangoon", "Asia/Saigon", "Atlantic/Faeroe", "Europe/Kiev",
            "Pacific/Enderbury", "Pacific/Johnston", "Pacific/Ponape", "Pacific/Truk",
        ] {
            #expect(ZoneNames.canonical(name) != nil, "\(name)")
        }
    }

    @Test("a name of today is the name of today of itself")
    func stable() {
        for name in ["Zulu", "Asia/Saigon", "US/Samoa", "MET", "NZ-CHAT", "W-SU"] {
            let today = ZoneNames.canonical(name)
            #expect(today.flatMap(ZoneNames.canonical) == today)
        }
    }
}
