import Bytes
import Glibc
import Notifier
import Testing

@Suite(.serialized, .timeLimit(.minutes(2)))
struct ChildInputTests {
    @Test func `what is written comes back from cat`() throws {
        let loop = try EventLoop()
        let record = try loop.outcome(of: shell("cat", input: .pipe)) { child, _ in
            child.input.append("one\n")
            child.input.compose { $0.append("two\n") }
            #expect(child.input.pendingByteCount == 8)
            child.input.close()
            #expect(!child.input.append("too late\n"))
        }
        #expect(record.lines == ["one", "two"])
        #expect(record.exits == [.exited(0)])
    }

    @Test func `a conversation of a thousand lines takes one write per turn`() throws {
        let loop = try EventLoop()
        var next = 0
        let record = try loop.outcome(of: ChildCommand(["cat"])) { child, record in
            record.onLine = { line in
                #expect(line == "\(next)")
                next += 1
                if next < 1000 { child.input.append("\(next)\n") } else { child.input.close() }
            }
            child.input.append("0\n")
        }
        #expect(next == 1000)
        #expect(record.exits == [.exited(0)])
    }

    @Test func `what is queued in one turn leaves in one write`() throws {
        let loop = try EventLoop()
        // Each read of the child is one write of ours: `dd` reports how many it made.
        let command = shell(
            "dd bs=65536 of=/dev/null", input: .pipe, error: .lines(maxLength: 200))
        let record = try loop.outcome(of: command) { child, _ in
            for number in 0..<100 { child.input.append("\(number)\n") }
            child.input.close()
        }
        #expect(record.entries.contains(.line(.error, "0+1 records in")))
    }

    @Test func `a child that does not read holds back bytes without making the loop spin`() throws {
        let loop = try EventLoop()
        let child = try Child.spawn(
            ChildCommand(["sleep", "100"], output: .null, error: .null), on: loop)
        let bytes = [UInt8](repeating: 0x78, count: 1 << 20)
        bytes.withUnsafeBytes { _ = child.input.append($0) }
        loop.spin(3)
        // A pipe holds 64 KiB.
        #expect(child.input.pendingByteCount == (1 << 20) - 65536)
        #expect(loop.turns(within: .milliseconds(50)) <= 2)
        bytes.withUnsafeBytes { _ = child.input.append($0) }
        #expect(child.input.pendingByteCount == (2 << 20) - 65536)
        child.terminate(.immediate)
        #expect(loop.run(until: { child.exit != nil }, limit: .seconds(20)))
        #expect(child.input.pendingByteCount == 0)
    }

    @Test func `a slow reader gets everything and then the owner is told, once`() throws {
        let loop = try EventLoop()
        var drained = 0
        let record = try loop.outcome(of: shell("sleep 0.05; wc -c", input: .pipe)) { child, _ in
            child.input.onDrained = {
                drained += 1
                child.input.close()
            }
            let bytes = [UInt8](repeating: 0x78, count: 300_000)
            for _ in 0..<10 { bytes.withUnsafeBytes { _ = child.input.append($0) } }
        }
        #expect(record.lines == ["3000000"])
        #expect(drained == 1)
    }

    @Test func `large payloads both ways do not deadlock`() throws {
        let loop = try EventLoop()
        let record = try loop.outcome(of: ChildCommand(["cat"], output: .bytes)) { child, _ in
            let bytes = [UInt8](repeating: 0x78, count: 4 << 20)
            bytes.withUnsafeBytes { _ = child.input.append($0) }
            child.input.close()
        }
        #expect(record.bytes.count == 4 << 20)
        #expect(record.exits == [.exited(0)])
    }

    @Test func `a child that closed its input is an event, not the end of this process`() throws {
        let loop = try EventLoop()
        var errors: [SystemError] = []
        let record = try loop.outcome(
            of: shell("exec <&-; echo closed; exec sleep 100", input: .pipe)
        ) {
            child, record in
            child.input.onBroken = { error in
                errors.append(error)
                #expect(!child.input.isOpen)
                #expect(!child.input.append("more"))
                child.terminate(.immediate)
            }
            record.onLine = { _ in child.input.append("hello\n") }
        }
        #expect(errors.map(\.code) == [EPIPE])
        #expect(record.exits == [.signalled(number: SIGKILL, coreDumped: false)])
    }

    @Test func `a child that closes its input while bytes wait is an event too`() throws {
        let loop = try EventLoop()
        var errors = 0
        let record = try loop.outcome(
            of: shell("sleep 0.05; exec <&-; exec sleep 100", input: .pipe)
        ) {
            child, _ in
            child.input.onBroken = { _ in
                errors += 1
                child.terminate(.immediate)
            }
            let bytes = [UInt8](repeating: 0x78, count: 1 << 20)
            bytes.withUnsafeBytes { _ = child.input.append($0) }
        }
        #expect(errors == 1)
        #expect(record.exits.count == 1)
    }

    @Test func `without a pipe nothing can be written`() throws {
        let loop = try EventLoop()
        let record = try loop.outcome(of: shell("exit 0", input: .null)) { child, _ in
            #expect(!child.input.isOpen)
            #expect(!child.input.append("x"))
            #expect(!child.input.compose { $0.append("x") })
            child.input.close()
        }
        #expect(record.exits == [.exited(0)])
    }
}
