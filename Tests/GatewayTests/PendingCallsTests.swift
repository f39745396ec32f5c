// Ids of calls to a child, and the pauses between its restarts.

import Testing

@testable import Gateway

@Suite struct PendingCallsTests {
    @Test func `an answer finds its call once`() throws {
        var calls = PendingCalls()
        let ticket = CallTicket { _ in }
        let madeid = calls.insert(ticket)
        let id = try #require(madeid)
        let found = calls.remove(id)
        #expect(found === ticket)
        let twice = calls.remove(id)
        #expect(twice == nil)
        #expect(calls.count == 0)
    }

    @Test func `an answer to an earlier call of the same slot finds nobody`() throws {
        var calls = PendingCalls()
        let madefirst = calls.insert(CallTicket { _ in })
        let first = try #require(madefirst)
        _ = calls.remove(first)
        let madesecond = calls.insert(CallTicket { _ in })
        let second = try #require(madesecond)
        #expect(first != second)
        let stale = calls.remove(first)
        #expect(stale == nil)
        #expect(calls.count == 1)
    }

    @Test("an invented id finds nobody", arguments: [0, -1, .min, .max, 1, 1023, 1024, 999_999])
    func invented(_ id: Int) throws {
        var calls = PendingCalls()
        let madereal = calls.insert(CallTicket { _ in })
        let real = try #require(madereal)
        if id != real {
            let nobody = calls.remove(id)
            #expect(nobody == nil)
        }
        #expect(calls.count == 1)
    }

    @Test func `there is an end to calls in flight`() {
        var calls = PendingCalls()
        for _ in 0..<PendingCalls.slotLimit {
            let id = calls.insert(CallTicket { _ in })
            #expect(id != nil)
        }
        let excess = calls.insert(CallTicket { _ in })
        #expect(excess == nil)
        let all = calls.removeAll()
        #expect(all.count == PendingCalls.slotLimit)
        let again = calls.insert(CallTicket { _ in })
        #expect(again != nil)
    }

    @Test func `pauses double up to the limit, with jitter in the upper half`() {
        var backoff = Backoff(
            first: .milliseconds(100), limit: .seconds(1), breakerFailures: 3)
        var pauses: [Duration] = []
        pauses.append(backoff.failed(random: 1))
        pauses.append(backoff.failed(random: 0))
        #expect(!backoff.isOpen)
        pauses.append(backoff.failed(random: 1))
        #expect(backoff.isOpen)
        #expect(pauses == [.milliseconds(100), .milliseconds(100), .milliseconds(400)])
        for _ in 0..<200 { pauses.append(backoff.failed(random: 1)) }
        #expect(pauses.allSatisfy { $0 <= .seconds(1) })
        backoff.succeeded()
        #expect(!backoff.isOpen && backoff.failures == 0)
    }

    @Test func `a ticket delivers one outcome and none after it was cancelled`() {
        var outcomes = 0
        var cancelled = 0
        let ticket = CallTicket { _ in outcomes += 1 }
        ticket.onCancel { cancelled += 1 }
        ticket.fail(.cancelled)
        ticket.fail(.cancelled)
        ticket.cancel()
        #expect(outcomes == 1 && cancelled == 0)

        let other = CallTicket { _ in outcomes += 1 }
        other.onCancel { cancelled += 1 }
        other.cancel()
        other.cancel()
        other.fail(.cancelled)
        #expect(outcomes == 1 && cancelled == 1)
    }

    @Test func `a call that is over lets go of its deadline, however it ended`() {
        var concluded = 0
        var failures = 0
        for end in 0..<3 {
            let ticket = CallTicket { _ in failures += 1 }
            ticket.onConclusion { concluded += 1 }
            switch end {
            case 0: ticket.fail(.cancelled)
            case 1: ticket.cancel()
            default:
                ticket.giveUp(
                    .timedOut(module: "m", limit: .milliseconds(250)), isOverdue: true)
            }
        }
        #expect(concluded == 3 && failures == 2)
        #expect(
            ModuleError.timedOut(module: "m", limit: .milliseconds(250)).detail.contains("250ms"))
    }
}
