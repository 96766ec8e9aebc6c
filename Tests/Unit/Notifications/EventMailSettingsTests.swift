import Testing

@testable import Domain

@Suite("How the mails about an event look")
struct EventMailSettingsTests {
    @Test(
        "white text must be readable on the colour",
        arguments: [
            ("#0b6e5f", true), ("#000000", true), ("#767676", true), ("#777777", false), ("#ffffff", false),
            ("#ff0000", false), ("#0000ff", true), ("#7a1f3d", true),
        ])
    func contrast(colour: String, isReadable: Bool) { #expect(EventMailSettings.isReadable(colour) == isReadable) }

    @Test("what is no colour is none", arguments: ["", "#fff", "0b6e5f1", "#0B6E5F", "#0b6e5g", "#0b6e5f0", "red"])
    func none(colour: String) { #expect(EventMailSettings.isReadable(colour) == nil) }
}
