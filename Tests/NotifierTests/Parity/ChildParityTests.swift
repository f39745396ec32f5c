// The fourteen rows of section 9 of the inventory (child processes), as far as they are not shown
// elsewhere; see PARITY.md.

import Glibc
import Testing

@testable import Notifier

@Suite(.serialized, .timeLimit(.minutes(2)))
struct ChildParityTests {
    @Test func `a command for the shell arrives there as the one string it is`() throws {
        let loop = try EventLoop()
        let record = try loop.outcome(of: shell("echo hello   world; echo \"a  b\""))
        #expect(record.lines == ["hello world", "a  b"])
    }

    @Test func `words that are not ASCII pass to the child and back`() throws {
        let loop = try EventLoop()
        let words = ["/bin/echo", "grüße", "日本語", "🦉", ""]
        let record = try loop.outcome(of: ChildCommand(words, input: .null))
        #expect(record.lines == ["grüße 日本語 🦉 "])
    }

    @Test func `after a termination the command can be started again at once`() throws {
        let loop = try EventLoop()
        let command = shell("exec sleep 100")
        for _ in 0..<3 {
            let record = try loop.outcome(of: command) { child, _ in
                child.terminate(.immediate)
            }
            #expect(record.exits == [.signalled(number: SIGKILL, coreDumped: false)])
        }
        #expect(loop.timerCount == 0)
    }

    @Test func `a finished child leaves nothing on the loop`() throws {
        let loop = try EventLoop()
        let record = ChildRecord()
        let child = try Child.spawn(shell("exit 0"), on: loop, record.events)
        loop.run(until: { record.exit != nil }, limit: .seconds(20))
        child.terminate()
        child.send(.terminate)
        #expect(loop.timerCount == 0)
        #expect(loop.watchCount == 0)
        #expect(loop.turns(within: .milliseconds(30)) <= 2)
    }

    @Test func `terminating all children of a loop touches no other process`() throws {
        let loop = try EventLoop()
        let other = try EventLoop()
        let record = ChildRecord()
        let foreign = ChildRecord()
        _ = try Child.spawn(shell("exec sleep 100"), on: loop, record.events)
        let survivor = try Child.spawn(shell("exec sleep 100"), on: other, foreign.events)
        loop.children.terminateAll(.immediate)
        loop.run(until: { record.exit != nil }, limit: .seconds(20))
        other.spin(3)
        #expect(record.exits.count == 1)
        #expect(foreign.exits.isEmpty)
        #expect(survivor.isRunning)
        survivor.terminate(.immediate)
        other.run(until: { foreign.exit != nil }, limit: .seconds(20))
        #expect(foreign.exits.count == 1)
    }

    @Test func `writing to a child does not wait for it`() throws {
        let loop = try EventLoop()
        let record = ChildRecord()
        let child = try Child.spawn(
            shell("sleep 0.2; cat", input: .pipe), on: loop, record.events)
        let time = elapsed {
            child.input.append("later\n")
            loop.spin(3)
        }
        #expect(time < .milliseconds(150))
        child.input.close()
        loop.run(until: { record.exit != nil }, limit: .seconds(20))
        #expect(record.lines == ["later"])
    }

    @Test func `a hundred thousand lines of every length modulo the read are exact`() throws {
        let loop = try EventLoop()
        var expected = 0
        var isExact = true
        let record = ChildRecord()
        var events = record.events
        events.onLine = { _, line in
            let text = String(decoding: line, as: UTF8.self)
            expected += 1
            if text != "\(expected)" { isExact = false }
        }
        _ = try Child.spawn(
            ChildCommand(["/usr/bin/seq", "100000"], input: .null), on: loop, events)
        loop.run(until: { record.exit != nil }, limit: .seconds(60))
        #expect(expected == 100_000)
        #expect(isExact)
    }
}
