import Glibc
import Notifier
import Testing

@Suite(.serialized, .timeLimit(.minutes(2)))
struct ChildOutputTests {
    @Test func `separate writes are separate lines and the rest is a partial line`() throws {
        let loop = try EventLoop()
        let script = "printf 'one\\n'; sleep 0.02; printf 'tw'; sleep 0.02; printf 'o\\nthree'"
        let record = try loop.outcome(of: shell(script))
        #expect(
            record.entries == [
                .line(.output, "one"), .line(.output, "two"), .partial(.output, "three"),
                .end(.output), .exit(.exited(0)),
            ])
    }

    @Test func `CRLF ends one line, not two, even when it is split`() throws {
        let loop = try EventLoop()
        let record = try loop.outcome(
            of: shell("printf 'a\\r\\nb\\r'; sleep 0.02; printf '\\nc\\r\\n'"))
        #expect(record.lines == ["a", "b", "c"])
    }

    @Test func `any byte but the line end is passed on`() throws {
        let loop = try EventLoop()
        var lines: [[UInt8]] = []
        var events = ChildEvents()
        var isOver = false
        events.onLine = { lines.append(Array($1)) }
        events.onExit = { _ in isOver = true }
        let command = shell("printf 'a\\000b\\377\\n'")
        let child = try Child.spawn(command, on: loop, events)
        loop.run(until: { isOver }, limit: .seconds(20))
        #expect(lines == [[0x61, 0, 0x62, 0xFF]])
        #expect(child.exit == .exited(0))
    }

    @Test func `without a closure for it a partial line is a line`() throws {
        let loop = try EventLoop()
        var lines: [String] = []
        var events = ChildEvents()
        var isOver = false
        events.onLine = { lines.append(String(decoding: $1, as: UTF8.self)) }
        events.onExit = { _ in isOver = true }
        _ = try Child.spawn(shell("printf 'a\\nb'"), on: loop, events)
        loop.run(until: { isOver }, limit: .seconds(20))
        #expect(lines == ["a", "b"])
    }

    @Test func `a million lines arrive, none lost, none joined`() throws {
        let loop = try EventLoop()
        var expected = 1
        var wrong = 0
        var exit: ChildExit?
        var events = ChildEvents()
        events.onLine = { _, line in
            var value = 0
            for byte in line { value = value &* 10 &+ Int(byte &- 48) }
            if value != expected { wrong += 1 }
            expected += 1
        }
        events.onExit = { exit = $0 }
        _ = try Child.spawn(ChildCommand(["seq", "1000000"], input: .null), on: loop, events)
        loop.run(until: { exit != nil }, limit: .seconds(60))
        #expect(expected == 1_000_001)
        #expect(wrong == 0)
        #expect(exit == .exited(0))
    }

    @Test func `both streams are told apart`() throws {
        let loop = try EventLoop()
        let record = try loop.outcome(
            of: shell("echo out; echo err >&2", error: .lines(maxLength: 10)))
        #expect(record.entries.contains(.line(.output, "out")))
        #expect(record.entries.contains(.line(.error, "err")))
        #expect(record.entries.last == .exit(.exited(0)))
        #expect(record.entries.count == 5)
    }

    @Test func `a stream read as bytes has no lines`() throws {
        let loop = try EventLoop()
        let record = try loop.outcome(of: shell("printf 'a\\nb'; exit 0", output: .bytes))
        #expect(record.bytes == Array("a\nb".utf8))
        #expect(record.entries == [.end(.output), .exit(.exited(0))])
    }

    // MARK: Limits

    @Test func `the rest of a line that is too long is skipped`() throws {
        let loop = try EventLoop()
        let record = try loop.outcome(
            of: shell("echo abcdefghij; echo ok", output: .lines(maxLength: 4)))
        #expect(
            record.entries == [
                .overlong(.output, "abcd"), .line(.output, "ok"), .end(.output), .exit(.exited(0)),
            ])
    }

    @Test func `a line without end costs no more memory than its limit`() throws {
        let loop = try EventLoop()
        let record = try loop.outcome(
            of: shell("head -c 5000000 /dev/zero; echo; echo ok", output: .lines(maxLength: 1000)))
        #expect(record.entries.count == 4)
        #expect(record.lines == ["ok"])
    }

    @Test func `a child may be failed for a line that is too long`() throws {
        let loop = try EventLoop()
        let command = shell(
            "echo abcdefghij; echo more; exec sleep 100", output: .lines(maxLength: 4))
        let record = try loop.outcome(of: command) { child, record in
            record.policy = .fail
            child.input.close()
        }
        #expect(record.entries.prefix(2) == [.overlong(.output, "abcd"), .end(.output)])
        #expect(record.exits == [.signalled(number: SIGTERM, coreDumped: false)])
    }

    // MARK: Fairness and back-pressure

    @Test func `a flooding child gets one read per turn and starves nobody`() throws {
        let loop = try EventLoop()
        var flood = 0
        var mostInOneTurn = 0
        var turn: UInt64 = 0
        var inTurn = 0
        var events = ChildEvents()
        events.onBytes = { _, chunk in
            if loop.statistics.turns != turn {
                turn = loop.statistics.turns
                inTurn = 0
            }
            flood += chunk.count
            inTurn += chunk.count
            mostInOneTurn = max(mostInOneTurn, inTurn)
        }
        let flooder = try Child.spawn(
            ChildCommand(["yes"], input: .null, output: .bytes, error: .null), on: loop, events)
        let record = try loop.outcome(of: shell("echo quiet"))
        #expect(record.lines == ["quiet"])
        #expect(loop.run(until: { flood > 1 << 20 }, limit: .seconds(30)))
        #expect(mostInOneTurn <= 65536)
        flooder.terminate(.immediate)
        #expect(loop.run(until: { flooder.exit != nil }, limit: .seconds(20)))
    }

    @Test func `paused output stays in the pipe and costs no turns`() throws {
        let loop = try EventLoop()
        var count = 0
        var events = ChildEvents()
        events.onBytes = { count += $1.count }
        let child = try Child.spawn(
            ChildCommand(["yes"], input: .null, output: .bytes, error: .null), on: loop, events)
        #expect(loop.run(until: { count > 0 }, limit: .seconds(20)))
        child.pauseOutput()
        let paused = count
        #expect(loop.turns(within: .milliseconds(50)) <= 3)
        #expect(count == paused)
        child.resumeOutput()
        #expect(loop.run(until: { count > paused + 1_000_000 }, limit: .seconds(20)))
        child.terminate(.immediate)
        #expect(loop.run(until: { child.exit != nil }, limit: .seconds(20)))
    }

    @Test func `an exit waits for paused output`() throws {
        let loop = try EventLoop()
        let record = ChildRecord()
        let child = try Child.spawn(shell("echo last words"), on: loop, record.events)
        child.pauseOutput()
        #expect(loop.run(until: { !child.isRunning }, limit: .seconds(20)))
        #expect(loop.turns(within: .milliseconds(200)) <= 3)
        #expect(record.entries == [])
        child.resumeOutput()
        #expect(loop.run(until: { record.exit != nil }, limit: .seconds(20)))
        #expect(record.entries == [.line(.output, "last words"), .end(.output), .exit(.exited(0))])
    }

    @Test func `termination lifts a pause`() throws {
        let loop = try EventLoop()
        let record = ChildRecord()
        let child = try Child.spawn(shell("echo up; exec sleep 100"), on: loop, record.events)
        child.pauseOutput()
        loop.run(until: { false }, limit: .milliseconds(20))
        child.terminate(.immediate)
        #expect(loop.run(until: { record.exit != nil }, limit: .seconds(20)))
    }

    // MARK: Callbacks that turn the loop

    @Test func `a callback may turn the loop while another child writes`() throws {
        let loop = try EventLoop()
        let other = ChildRecord()
        let record = try loop.outcome(of: shell("echo first; echo second")) { _, record in
            record.onLine = { line in
                guard line == "first" else { return }
                // Both children share one block to read into; the nested turn must not use it.
                #expect(throws: Never.self) {
                    _ = try Child.spawn(shell("echo XXXXXXXXXXXX"), on: loop, other.events)
                }
                #expect(loop.run(until: { other.exit != nil }, limit: .seconds(20)))
            }
        }
        #expect(other.lines == ["XXXXXXXXXXXX"])
        #expect(record.lines == ["first", "second"])
    }

    @Test func `a child that ends inside its own callback's nested turn is still in order`() throws
    {
        let loop = try EventLoop()
        let record = try loop.outcome(of: shell("echo first; printf rest")) { _, record in
            record.onLine = { line in
                if line == "first" { loop.run(until: { false }, limit: .milliseconds(300)) }
            }
        }
        #expect(
            record.entries == [
                .line(.output, "first"), .partial(.output, "rest"), .end(.output),
                .exit(.exited(0)),
            ])
    }
}
