// What programs are told of each refusal.

import HTTPWire
import Testing

@testable import HTTP

@Suite struct RefusalTests {
    /// One of each kind; a new kind does not compile until it is here.
    private static func place(_ refusal: Refusal) -> Int {
        switch refusal {
        case .tooManyConnections: 0
        case .tooManyFromAddress: 1
        case .wire: 2
        case .headTimeout: 3
        case .bodyTimeout: 4
        case .bodyTooLarge: 5
        case .unknownCoding: 6
        case .badCoding: 7
        case .halfCloseTimeout: 8
        }
    }

    private static let table: [(Refusal, Int, String, Bool)] = [
        (.tooManyConnections, 503, "too_many_connections", true),
        (.tooManyFromAddress, 429, "too_many_from_address", true),
        (.wire(.peer(.hostMissing, suggestedStatus: 400)), 400, "bad_request", false),
        (.headTimeout, 408, "head_timeout", true),
        (.bodyTimeout, 408, "body_timeout", true),
        (.bodyTooLarge(limit: 9), 413, "body_too_large", false),
        (.unknownCoding, 415, "unsupported_content_coding", false),
        (.badCoding("body is broken"), 400, "bad_content_coding", false),
        (.halfCloseTimeout, 408, "half_close_timeout", false),
    ]

    @Test func `every refusal has a code of its own, and says whether to try again`() {
        #expect(Self.table.map { Self.place($0.0) } == Array(0..<9))
        for (refusal, status, code, isRetryable) in Self.table {
            #expect(refusal.status == status && refusal.code.description == code)
            #expect(refusal.isRetryable == isRetryable)
        }
        #expect(Set(Self.table.map(\.2)).count == Self.table.count)
    }

    @Test(arguments: WireFault.allCases)
    func `a broken rule has a code that goes with its status`(_ fault: WireFault) {
        let codes = [
            400: "bad_request", 414: "target_too_long", 417: "expectation_failed",
            431: "head_too_large", 501: "not_implemented", 505: "version_not_supported",
        ]
        let refusal = Refusal.wire(.peer(fault, suggestedStatus: fault.requestStatus))
        #expect(codes[refusal.status] == refusal.code.description)
        #expect(!refusal.isRetryable)
    }
}
