// What the service manager hears, on a real datagram socket, by path and by abstract name.

import Foundation
import Testing

@testable import Gateway

/// A socket such as systemd waits on.
private final class Manager {
    let number: Int32
    let name: String

    init(abstract: Bool) throws {
        let unique = "signalbox-\(UUID().uuidString)"
        name = abstract ? "@" + unique : NSTemporaryDirectory() + unique
        number = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var path = Array(name.utf8)
        if abstract { path[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
        let length = socklen_t(2 + path.count + (abstract ? 0 : 1))
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(number, $0, length) }
        }
        try #require(status == 0)
    }

    deinit {
        close(number)
        unlink(name)
    }

    /// The next message; empty if there is none.
    func hear() -> String {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = recv(number, &bytes, bytes.count, Int32(MSG_DONTWAIT))
        return String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
    }
}

@Suite struct ServiceNoticeTests {
    @Test(arguments: [false, true])
    func `the manager hears of start, reload, life and end`(abstract: Bool) throws {
        let manager = try Manager(abstract: abstract)
        let notice = ServiceNotice(["NOTIFY_SOCKET": manager.name])
        notice.ready()
        #expect(manager.hear() == "READY=1\n")
        notice.reloading()
        let reloading = manager.hear()
        #expect(reloading.hasPrefix("RELOADING=1\nMONOTONIC_USEC="))
        // The manager compares the time with its own (Type=notify-reload).
        let said = Int(reloading.dropFirst(27).dropLast()) ?? 0
        let now = Int(monotonicMicroseconds())
        #expect(said > 0 && said <= now && now - said < 60_000_000)
        notice.alive()
        #expect(manager.hear() == "WATCHDOG=1\n")
        notice.stopping()
        #expect(manager.hear() == "STOPPING=1\n")
    }

    /// Microseconds of the monotonic clock.
    private func monotonicMicroseconds() -> Int64 {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1_000
    }

    @Test(arguments: ["", "relative", "/nowhere/at/all", "@" + String(repeating: "x", count: 200)])
    func `without a manager nothing happens`(name: String) {
        let notice = ServiceNotice(["NOTIFY_SOCKET": name])
        notice.ready()
        notice.stopping()
    }

    @Test func `a manager that is too busy is not waited for`() throws {
        let manager = try Manager(abstract: true)
        let notice = ServiceNotice(["NOTIFY_SOCKET": manager.name])
        for _ in 0..<5_000 { notice.alive() }
        #expect(manager.hear() == "WATCHDOG=1\n")
    }

    @Test(arguments: [
        (["WATCHDOG_USEC": "2000000"], Duration.seconds(2)),
        (["WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "\(getpid())"], .seconds(2)),
        (["WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "1"], nil),
        (["WATCHDOG_USEC": "0"], nil), (["WATCHDOG_USEC": "-5"], nil),
        (["WATCHDOG_USEC": "99999999999999999999"], nil), (["WATCHDOG_USEC": "x"], nil), ([:], nil),
    ])
    func `the watchdog's interval is read`(environment: [String: String], _ interval: Duration?)
        throws
    {
        let manager = try Manager(abstract: true)
        let notice = ServiceNotice(
            environment.merging(["NOTIFY_SOCKET": manager.name]) { $1 })
        #expect(notice.watchdogInterval == interval)
    }
}
