import HTTPWire
import Testing

@Suite struct WireErrorTests {
    @Test func `every fault has a reason of its own`() {
        let reasons = WireFault.allCases.map(\.reason.description)
        #expect(Set(reasons).count == reasons.count)
        #expect(!reasons.contains("the message is malformed"))
        let misuses = WireMisuse.allCases.map(\.reason.description)
        #expect(Set(misuses).count == misuses.count)
    }

    @Test func `a fault keeps the connection only where the framing is sure`() {
        let kept = WireFault.allCases.filter { !$0.closesConnection }
        #expect(
            kept == [
                .expectationUnknown, .pathNotAbsolute, .pathEscapeInvalid, .pathControl,
                .pathEncodedSlash, .pathBackslash, .pathNotUTF8, .pathAboveRoot,
            ])
    }

    @Test func `the status answers the fault`() {
        let special: [WireFault: Int] = [
            .targetTooLong: 414, .expectationUnknown: 417, .fieldNameTooLong: 431,
            .fieldsTooMany: 431, .headTooLarge: 431, .methodTooLong: 501, .codingUnknown: 501,
            .versionUnsupported: 505,
        ]
        for fault in WireFault.allCases { #expect(fault.requestStatus == special[fault] ?? 400) }
    }

    @Test func `an error tells whose fault it was`() {
        let peer = WireError.peer(.fieldBareLF, suggestedStatus: 400)
        #expect(peer.suggestedStatus == 400 && peer.closesConnection)
        #expect(peer.reason.description == "a header line ends in a bare LF")
        let misuse = WireError.misuse(.statusInvalid)
        #expect(misuse.suggestedStatus == 500 && misuse.closesConnection)
    }
}
