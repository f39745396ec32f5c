// What is not meant for this process is not taken; what is, end-to-end tests show.

import Foundation
import Testing

@testable import Gateway

@Suite struct InheritedSocketsTests {
    @Test(arguments: [
        [:], ["LISTEN_FDS": "1"], ["LISTEN_FDS": "1", "LISTEN_PID": "1"],
        ["LISTEN_FDS": "0", "LISTEN_PID": "\(getpid())"],
        ["LISTEN_FDS": "-1", "LISTEN_PID": "\(getpid())"],
        ["LISTEN_FDS": "99999999999999999999", "LISTEN_PID": "\(getpid())"],
        ["LISTEN_FDS": "2000000000", "LISTEN_PID": "\(getpid())"],
        ["LISTEN_FDS": "one", "LISTEN_PID": "\(getpid())"],
    ])
    func `sockets for others are left alone`(environment: [String: String]) {
        var sockets = InheritedSockets(environment)
        #expect(sockets.unclaimed.isEmpty)
        #expect(throws: GatewayError.self) { try sockets.claim("web", url: "systemd:web") }
    }
}
