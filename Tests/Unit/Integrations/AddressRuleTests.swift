import Domain
import Testing

@testable import Webhooks

@Suite("Where webhooks may go")
struct AddressRuleTests {
    /// The first and the last address of each range that isn't the internet's.
    static let special = [
        "0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.1",
        "127.255.255.255", "169.254.0.0", "169.254.169.254", "169.254.255.255", "172.16.0.0", "172.31.255.255",
        "192.0.0.0", "192.0.0.255", "192.0.2.0", "192.0.2.255", "192.31.196.0", "192.52.193.255", "192.88.99.0",
        "192.88.99.255", "192.168.0.0", "192.168.255.255", "192.175.48.0", "198.18.0.0", "198.19.255.255",
        "198.51.100.0", "198.51.100.255", "203.0.113.0", "203.0.113.255", "224.0.0.0", "239.255.255.255", "240.0.0.0",
        "255.255.255.255",
        "::", "::1", "::7f00:1", "::a00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe",
        "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "100::1", "100:0:0:1::1", "2001::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:2::1", "2001:10::1", "2001:20::1", "2001:1ff:ffff::1",
        "2001:db8::1", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2002:7f00:1::", "2002:a00:1::1",
        "2620:4f:8000::1", "3fff::1", "3fff:fff:ffff::1", "5f00::1", "fc00::1", "fd12:3456::1",
        "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fe80::1", "febf::1", "fec0::1", "ff02::1", "ffff::1",
    ]

    @Test("no special address is the internet's", arguments: special)
    func refused(text: String) throws {
        let address = try #require(IPAddress(text))
        #expect(!AddressRule.isGlobal(address))
        #expect(!AddressRule().permits(address, isEncrypted: true))
    }

    @Test("control: without the rule of the internet's addresses each of them would be let through", arguments: special)
    func control(text: String) throws {
        let everything = AddressRule(allowed: try #require(AddressRange.list("0.0.0.0/0 ::/0")))
        #expect(everything.permits(try #require(IPAddress(text)), isEncrypted: false))
    }

    @Test(
        "the neighbours of the special ranges are the internet's",
        arguments: [
            "1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
            "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.0.3.0",
            "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255", "::ffff:8.8.8.8",
            "2001:200::1", "2001:db7::1", "2001:db9::1", "2001:4860:4860::8888", "2003::1", "2606:4700::1111",
            "3ffe::1",
        ])
    func global(text: String) throws {
        #expect(AddressRule().permits(try #require(IPAddress(text)), isEncrypted: true))
        #expect(!AddressRule().permits(try #require(IPAddress(text)), isEncrypted: false))
    }

    @Test("what the operator lets through goes, in the clear too, and nothing beside it")
    func allowed() throws {
        let rule = AddressRule(allowed: try #require(AddressRange.list("127.77.0.0/16,fd00:1::/32 10.0.0.9")))
        for text in ["127.77.3.4", "fd00:1::5", "10.0.0.9", "::ffff:127.77.0.1"] {
            #expect(rule.permits(try #require(IPAddress(text)), isEncrypted: false), "\(text)")
        }
        for text in ["127.0.0.1", "127.76.255.255", "127.78.0.0", "fd00:2::5", "10.0.0.8", "::1"] {
            #expect(!rule.permits(try #require(IPAddress(text)), isEncrypted: true), "\(text)")
        }
    }

    @Test(
        "an address is one in every form",
        arguments: [
            "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "127.1", "127.0.1", "0x7f.0.0.0x1",
            "127.0.0.1", "::ffff:127.0.0.1", "::ffff:7f00:1", "0:0:0:0:0:ffff:127.0.0.1",
        ])
    func forms(text: String) {
        #expect(IPAddress(anyForm: text) == IPAddress("127.0.0.1"))
    }

    @Test("a name is no address", arguments: ["example.com", "localhost", "", "1.2.3.4.5", "127.0.0.1 x", "256.1.1.1"])
    func names(text: String) {
        #expect(IPAddress(anyForm: text) == nil)
    }

    @Test(
        "ranges that are none are refused",
        arguments: ["10.0.0.0/33", "10.0.0.0/", "/8", "fd00::/129", "ten", "10.0.0.0/-1"])
    func ranges(text: String) {
        #expect(AddressRange(text) == nil)
        #expect(AddressRange.list("127.0.0.1,\(text)") == nil)
    }
}
