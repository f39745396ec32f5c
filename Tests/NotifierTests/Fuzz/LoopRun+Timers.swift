// LoopRun+Timers: what a program does with timers, dispatchers and mail.

import Glibc
import Notifier

extension LoopRun {
    func performOnTimers(_ operation: LoopOperation) {
        let born = isInTimer ? turns.last?.number : nil
        switch operation {
        case .addTimer(let after, let every, let reaction):
            add(after, every, born, reaction)
        case .removeTimer(let index):
            guard let timer = pick(timers, index), let token = timer.token else { return }
            if loop.removeTimer(token) != timer.isLive { fail("a timer was removed wrongly") }
            timer.isLive = false
            timer.changes += 1
        case .rearmTimer(let index, let after):
            guard let timer = pick(timers, index), let token = timer.token else { return }
            let wasThere = loop.rearmTimer(token, after: .milliseconds(after))
            if wasThere != timer.isLive { fail("a timer was re-armed wrongly") }
            timer.deadline = clock.monotonicNanos() + UInt64(after) * 1_000_000
            timer.age = count()
            timer.bornIn = born
            timer.wasMoved = true
            timer.changes += 1
        case .addDispatcher(let keepsAwake, let reaction):
            let dispatcher = ModelDispatcher(
                rank: (keepsAwake ? 0 : 1_000_000) + count(), reaction)
            dispatcher.token = loop.addDispatcher(keepsAwake: keepsAwake) { [self] in
                called(dispatcher)
            }
            dispatchers.append(dispatcher)
        case .removeDispatcher(let index):
            guard let dispatcher = pick(dispatchers, index), let token = dispatcher.token
            else { return }
            if loop.removeDispatcher(token) != dispatcher.isLive {
                fail("a dispatcher was removed wrongly")
            }
            dispatcher.isLive = false
        default: break
        }
    }

    func add(_ after: Int, _ every: Int, _ born: Int?, _ reaction: Reaction) {
        let delay = every > 0 ? every : after
        var deadline = clock.monotonicNanos() + UInt64(delay) * 1_000_000
        if sabotage == .firesEarly { deadline += 1 }
        let timer = ModelTimer(
            deadline, every: UInt64(every) * 1_000_000, age: count(), bornIn: born, reaction)
        if every > 0 {
            timer.token = loop.addTimer(every: .milliseconds(every)) { [self] in called(timer) }
        } else {
            timer.token = loop.addTimer(after: .milliseconds(after)) { [self] in
                _ = called(timer)
            }
        }
        timers.append(timer)
    }

    func called(_ timer: ModelTimer) -> Disposition {
        guard failure == nil, !turns.isEmpty else { return .stop }
        if !timer.isLive { fail("a timer fired after its removal") }
        if timer.isRunning { fail("a timer fired while it ran") }
        if timer.deadline > loop.now { fail("a timer fired early") }
        if timer.bornIn == turns[turns.count - 1].number { fail("a timer fired in its turn") }
        if let last = turns[turns.count - 1].lastTimer,
            (timer.deadline, timer.age) < (last.deadline, last.age)
        {
            fail("a timer fired out of order")
        }
        turns[turns.count - 1].lastTimer = (timer.deadline, timer.age)
        timer.calls += 1
        timer.isRunning = true
        timer.wasMoved = false
        let wasInTimer = isInTimer
        isInTimer = true
        if timer.calls <= 2 { perform(timer.reaction.operations) }
        isInTimer = wasInTimer
        timer.isRunning = false
        let keeps = timer.calls <= timer.reaction.keeps
        settle(timer, keeps)
        return keeps ? .keep : .stop
    }

    func settle(_ timer: ModelTimer, _ keeps: Bool) {
        guard timer.isLive else { return }
        guard timer.every > 0 else {
            timer.isLive = timer.wasMoved
            return
        }
        guard keeps else {
            timer.isLive = false
            return
        }
        timer.age = count()
        timer.bornIn = turns.last?.number
        if timer.wasMoved { return }
        let late = loop.now - timer.deadline
        timer.deadline += (late / timer.every + 1) * timer.every
    }

    func called(_ dispatcher: ModelDispatcher) -> Disposition {
        guard failure == nil, !turns.isEmpty else { return .stop }
        if !dispatcher.isLive { fail("a dispatcher came after its removal") }
        if dispatcher.isRunning { fail("a dispatcher was entered while it ran") }
        if dispatcher.rank <= turns[turns.count - 1].lastRank {
            fail("a dispatcher came out of order or twice")
        }
        turns[turns.count - 1].lastRank = dispatcher.rank
        dispatcher.calls += 1
        dispatcher.isRunning = true
        let wasInTimer = isInTimer
        isInTimer = false
        if dispatcher.calls <= 2 { perform(dispatcher.reaction.operations) }
        isInTimer = wasInTimer
        dispatcher.isRunning = false
        let keeps = dispatcher.calls <= dispatcher.reaction.keeps
        if !keeps { dispatcher.isLive = false }
        return keeps ? .keep : .stop
    }

    func post(_ operations: [LoopOperation]) {
        let number = nextJob
        nextJob += 1
        let work = LoopBound((self, operations), loop.handle)
        loop.handle.post { _ in
            let (run, operations) = work.value
            if number <= run.lastJob { run.fail("mail came out of order") }
            run.lastJob = number
            let wasInTimer = run.isInTimer
            run.isInTimer = false
            run.perform(operations)
            run.isInTimer = wasInTimer
        }
    }

}
