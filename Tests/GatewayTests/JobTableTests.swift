// JobTable: what is kept of a job, how much, and for how long.

import Bytes
import Notifier
import Testing

@testable import Gateway

@Suite struct JobTableTests {
    /// A table, and the calls that its jobs have begun.
    private final class Desk {
        let loop: EventLoop
        let table: JobTable
        var changes: [String] = []
        private(set) var observers: [CallObserver] = []
        private(set) var tickets: [CallTicket] = []

        init(_ adjust: (inout Settings.Jobs) -> Void = { _ in }) throws {
            var settings = Settings.Jobs()
            adjust(&settings)
            loop = try EventLoop()
            table = JobTable(loop: loop, settings)
            table.onChange = { [weak self] in self?.changes.append("\($0.id) \($0.state)") }
        }

        /// Begins a job whose call ends when the test says so.
        func begin(_ id: String) throws -> Job {
            try table.add(id: id, module: "m", command: "c") { observer, completion in
                let ticket = CallTicket(observer: observer, completion)
                observers.append(observer)
                tickets.append(ticket)
                return ticket
            }.get()
        }

        func finish(_ index: Int, _ json: String) {
            Array(json.utf8).withUnsafeBytes { tickets[index].finish(.result($0)) }
        }

        func report(_ index: Int, _ json: String, dropped: Int = 0) {
            Array(json.utf8).withUnsafeBytes { observers[index].progress($0, dropped) }
        }
    }

    @Test func `a job keeps its last progress and its result, and goes after a while`() throws {
        let desk = try Desk { $0.keep = .milliseconds(20) }
        let job = try desk.begin("a")
        desk.report(0, "1")
        desk.report(0, "22", dropped: 3)
        #expect(job.progress == Array("22".utf8) && job.progressCount == 5)
        desk.finish(0, "[1]")
        #expect(job.state == .done && job.result == Array("[1]".utf8))
        #expect(desk.table.byteCount == 5 && desk.table.runningCount == 0)
        #expect(desk.changes == ["a running", "a done"])
        desk.loop.run(until: { desk.table.count == 0 }, limit: .seconds(10))
        #expect(desk.table.byteCount == 0 && desk.table.find("a") == nil)
    }

    @Test func `what comes for a job that is forgotten harms nobody`() throws {
        let desk = try Desk()
        desk.table.delete(try desk.begin("a"))
        #expect(desk.changes == ["a running", "a cancelled"] && !desk.tickets[0].isOpen)
        desk.table.delete(try #require(desk.table.find("a")))
        #expect(desk.table.count == 0)
        desk.report(0, "1")
        Array("late".utf8).withUnsafeBytes { desk.observers[0].output?($0) }
        desk.finish(0, "2")
        #expect(desk.table.byteCount == 0)
    }

    @Test func `a call that fails at once is no job`() throws {
        let desk = try Desk()
        let outcome = desk.table.add(id: "a", module: "m", command: "c") { _, completion in
            let ticket = CallTicket(completion)
            ticket.fail(.draining)
            return ticket
        }
        guard case .failure(.draining) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(desk.table.count == 0 && desk.changes.isEmpty)
    }

    @Test func `number and bytes are bounded`() throws {
        let desk = try Desk {
            $0.count = 2
            $0.size = 10
        }
        let first = try desk.begin("a")
        #expect(!desk.table.isFull)
        let second = try desk.begin("b")
        #expect(desk.table.isFull)
        desk.finish(0, #""1234""#)
        desk.report(1, "[1,2,3]")
        #expect(second.progress.isEmpty && second.progressCount == 1)
        desk.finish(1, #""1234""#)
        #expect(first.state == .done && second.state == .failed)
        #expect(second.error?.detail.contains("too large to keep") == true)
        #expect(desk.table.byteCount == 6)
    }

    @Test func `output is kept in its last lines`() throws {
        let desk = try Desk()
        let job = try desk.begin("a")
        for number in 0..<50 {
            Array("\(number) \(String(repeating: "x", count: 1000))".utf8).withUnsafeBytes {
                desk.observers[0].output?($0)
            }
        }
        #expect(job.tail.count == Job.tailLimit && job.tail.last?.hasPrefix("49 x") == true)
        #expect(job.tail.allSatisfy { $0.utf8.count <= Job.lineLimit })
    }
}
