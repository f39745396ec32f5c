// Sources with real sockets and files: what is sent becomes signals, within the limits.

import Bytes
import Foundation
import Glibc
import Notifier
import Testing

@testable import Gateway

@Suite struct SourceTests {
    private final class Scene {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("signalbox-source-\(UUID().uuidString)").path
        let loop: EventLoop
        let table = SourceTable()
        var data: [String] = []
        var lines: [String] = []
        var outcome = Emission.emitted(1, subscribers: 0)

        init() throws {
            loop = try EventLoop()
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true)
        }

        deinit {
            table.close()
            try? FileManager.default.removeItem(atPath: folder)
        }

        func open(
            _ kind: Settings.Source.Kind, _ adjust: (inout Settings.Source) -> Void = { _ in }
        )
            throws
        {
            var source = Settings.Source(name: "s", kind: kind, signal: "log.line")
            adjust(&source)
            table.log = { [unowned self] level, line in lines.append("\(level) \(line)") }
            try table.open([source], loop: loop, SourceIntake.Limits(eventSize: 1_000)) {
                [unowned self] _, data, done in
                self.data.append(data.text)
                done(outcome)
            }
        }

        var counts: SourceCounts { table.counts.first?.counts ?? SourceCounts() }

        func wait(_ condition: () -> Bool) -> Bool {
            loop.run(until: condition, limit: .seconds(10))
        }

        /// Connects to a Unix socket in the folder.
        func connect(_ name: String) throws -> Int32 {
            let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            let path = Array("\(folder)/\(name)".utf8)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
            let result = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    Glibc.connect(number, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            try #require(result == 0)
            return number
        }

        func send(_ text: String, to number: Int32) {
            let bytes = Array(text.utf8)
            _ = bytes.withUnsafeBytes { write(number, $0.baseAddress, $0.count) }
        }
    }

    /// A socket that sends datagrams to a port of this machine, and a port that is free.
    private func datagrams() throws -> (socket: Int32, port: Int, address: sockaddr_in) {
        func local(_ port: UInt16) -> sockaddr_in {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            return address
        }
        let probe = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        var address = local(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let port = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = bind(probe, $0, length)
                _ = getsockname(probe, $0, &length)
            }
            return UInt16(bigEndian: pointer.pointee.sin_port)
        }
        close(probe)
        return (socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0), Int(port), local(port))
    }

    private func send(_ text: String, _ number: Int32, _ address: sockaddr_in) {
        var address = address
        let bytes = Array(text.utf8)
        _ = bytes.withUnsafeBytes { data in
            withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    sendto(
                        number, data.baseAddress, data.count, 0, $0,
                        socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
        }
    }

    @Test func `each datagram is a signal; those too long are counted`() throws {
        let scene = try Scene()
        let (number, port, address) = try datagrams()
        defer { close(number) }
        try scene.open(.udp(host: "127.0.0.1", port: port)) { $0.lineSize = 100 }
        send("<13>hello \"world\"\n", number, address)
        send(String(repeating: "x", count: 101), number, address)
        send(String(repeating: "y", count: 100), number, address)
        #expect(scene.wait { scene.counts.emitted == 2 })
        #expect(scene.data[0].hasPrefix(#"{"line":"<13>hello \"world\"","from":"127.0.0.1:"#))
        #expect(scene.counts.tooLong == 1 && scene.counts.received == 3)
        #expect(
            scene.lines == [
                "warning source s left out 1 line: longer than 100 bytes (sources.s.line_size)"
            ])
        #expect(scene.table.all[0].address == "127.0.0.1:\(port)")
        #expect(scene.table.all[0].state() == .listening)
        scene.table.close()
        #expect(scene.table.all[0].state() == .closed)
    }

    @Test func `a datagram is not taken for one that ends where the buffer does`() throws {
        let scene = try Scene()
        let (number, port, address) = try datagrams()
        defer { close(number) }
        try scene.open(.udp(host: "127.0.0.1", port: port)) { $0.lineSize = 10 }
        send("0123456789\nmore of it", number, address)
        send("0123456789\r\n", number, address)
        #expect(scene.wait { scene.counts.received == 2 })
        #expect(scene.counts.tooLong == 1 && scene.counts.emitted == 1)
    }

    @Test func `a source that cannot be opened is named`() throws {
        let scene = try Scene()
        let failure = SystemError(
            "bind", EADDRNOTAVAIL, subject: "192.0.2.7:5514 for source s")
        #expect(throws: failure) {
            try scene.open(.udp(host: "192.0.2.7", port: 5514))
        }
        #expect(scene.table.all.isEmpty)
    }

    @Test(arguments: [Emission.notStored("disk full"), .tooLarge(limit: 1)])
    func `a signal that was refused is not counted as emitted`(_ outcome: Emission) throws {
        let scene = try Scene()
        scene.outcome = outcome
        let (number, port, address) = try datagrams()
        defer { close(number) }
        try scene.open(.udp(host: "127.0.0.1", port: port))
        send("x", number, address)
        #expect(scene.wait { scene.counts.received == 1 })
        #expect(scene.counts.emitted == 0 && scene.counts.tooLarge + scene.counts.notStored == 1)
        #expect(scene.lines.count == 1)
    }

    @Test func `lines of connections become signals, however they are cut`() throws {
        let scene = try Scene()
        try scene.open(.unix(path: scene.folder + "/in")) { $0.lineSize = 10 }
        let number = try scene.connect("in")
        for part in ["one\ntw", "o\r\n\nmuch too long a line\nthr", "ee"] {
            scene.send(part, to: number)
            scene.loop.step(sleep: false)
        }
        close(number)
        #expect(scene.wait { scene.counts.emitted == 3 && scene.counts.connections == 0 })
        #expect(
            scene.data == ["one", "two", "three"].map { #"{"line":"\#($0)","from":"unix"}"# })
        #expect(scene.counts.tooLong == 1)
    }

    @Test func `JSON is passed on as it is, and what is none is counted`() throws {
        let scene = try Scene()
        try scene.open(.unix(path: scene.folder + "/in")) { $0.framing = .json }
        let number = try scene.connect("in")
        defer { close(number) }
        let deep = String(repeating: "[", count: 70) + String(repeating: "]", count: 70)
        scene.send("{ \"a\": [1, 2] }\nnonsense\n\(deep)\n7\n", to: number)
        #expect(scene.wait { scene.counts.emitted == 2 && scene.counts.malformed == 2 })
        #expect(scene.data == [#"{"a":[1,2]}"#, "7"])
        let large = "\"" + String(repeating: "x", count: 999) + "\"\n"
        scene.send(large + large + "8\n", to: number)
        #expect(scene.wait { scene.counts.emitted == 3 && scene.counts.tooLarge == 2 })
        scene.table.close()
        let left = "warning source s left out 1"
        #expect(
            scene.lines.sorted() == [
                left + " line: more data than 1000 bytes (signals.event_size)",
                left + " line: not JSON (sources.s.framing)",
                left + " more line: more data than 1000 bytes (signals.event_size)",
                left + " more line: not JSON (sources.s.framing)",
            ])
    }

    @Test func `more than the rate is left out and counted`() throws {
        let scene = try Scene()
        try scene.open(.unix(path: scene.folder + "/in")) { $0.rate = 10 }
        let number = try scene.connect("in")
        defer { close(number) }
        scene.send(String(repeating: "x\n", count: 1_000), to: number)
        #expect(scene.wait { scene.counts.emitted + scene.counts.overRate == 1_000 })
        #expect((10...30).contains(scene.counts.emitted))
        let lost = scene.counts.overRate
        #expect(
            scene.lines
                == ["warning source s left out 1 line: more than 10 a second came (sources.s.rate)"]
        )
        // The others are told a minute later, or now that there will be no more.
        scene.table.close()
        #expect(scene.lines.count == 2)
        #expect(
            scene.lines[1].hasPrefix("warning source s left out \(lost - 1) more lines: "))
    }

    @Test func `connections over the limit and quiet ones are closed`() throws {
        let scene = try Scene()
        try scene.open(.unix(path: scene.folder + "/in")) {
            $0.connections = 1
            $0.idleTimeout = .seconds(1)
        }
        let first = try scene.connect("in")
        let second = try scene.connect("in")
        defer {
            close(first)
            close(second)
        }
        #expect(scene.wait { scene.counts.refused == 1 && scene.counts.connections == 1 })
        #expect(
            scene.lines == [
                "warning source s closed 1 connection: 1 are open already (sources.s.connections)"
            ])
        #expect(scene.wait { scene.counts.connections == 0 })
    }

    @Test func `a file's new lines become signals, through cutting and rotation`() throws {
        let scene = try Scene()
        let path = scene.folder + "/log"
        func append(_ text: String) throws {
            let file = try #require(fopen(path, "a"))
            fputs(text, file)
            fclose(file)
        }
        try append("before\n")
        try scene.open(.file(path: path))
        // The first look finds where the file ends.
        #expect(scene.wait { scene.loop.statistics.turns > 3 })
        let lines = { scene.data.map { $0.dropFirst(9).dropLast(2) } }
        var isThere = false
        for _ in 0..<40 where !isThere {
            try append("mark\n")
            isThere = scene.loop.run(until: { !scene.data.isEmpty }, limit: .milliseconds(300))
        }
        #expect(isThere && !lines().contains("before"))
        try append("half a ")
        try append("line\n")
        #expect(scene.wait { lines().last == "half a line" })
        rename(path, path + ".1")
        let old = try #require(fopen(path + ".1", "a"))
        fputs("late\n", old)
        fclose(old)
        try append("new\n")
        #expect(scene.wait { lines().last == "new" })
        #expect(lines().suffix(2) == ["late", "new"])
        // Cut and refilled between two looks, in the middle of a line.
        try append("begun")
        truncate(path, 0)
        try append("all of it is new, and more than there was before\n")
        #expect(scene.wait { lines().last == "all of it is new, and more than there was before" })
        #expect(!lines().contains { $0.contains("begun") })
        #expect(
            scene.lines == [
                "notice source s: \(path) was cut and is read from its beginning; "
                    + "a line that had only begun is left out"
            ])
    }

    @Test func `a file that goes and comes back is told, and why it is waited for`() throws {
        let scene = try Scene()
        let path = scene.folder + "/log"
        func write(_ text: String) throws {
            let file = try #require(fopen(path, "a"))
            fputs(text, file)
            fclose(file)
        }
        try write("")
        try scene.open(.file(path: path))
        let source = scene.table.all[0]
        #expect(scene.wait { source.state() == .reading } && source.reason() == nil)
        unlink(path)
        #expect(scene.wait { source.state() == .waiting })
        #expect(source.reason()?.hasPrefix("there is no file \(path)") == true)
        mkdir(path, 0o700)
        #expect(scene.wait { scene.lines.last?.contains("is a folder") == true })
        #expect(
            scene.lines.last
                == "warning source s waits: \(path) is a folder; name a file in it (sources.s.file)"
        )
        rmdir(path)
        try write("new\n")
        #expect(scene.wait { !scene.data.isEmpty })
        #expect(scene.data == [#"{"line":"new"}"#] && source.state() == .reading)
        #expect(source.reason() == nil)
        #expect(scene.wait { scene.lines.last == "notice source s reads \(path) now" })
    }

    @Test func `an address that is taken is an error in words`() throws {
        let scene = try Scene()
        try scene.open(.unix(path: scene.folder + "/in"))
        #expect(throws: SystemError.self) { try scene.open(.unix(path: scene.folder + "/in")) }
    }
}
