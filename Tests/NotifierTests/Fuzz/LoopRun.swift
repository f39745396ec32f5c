// Runs a program on a real loop over real descriptors, and compares what the loop does with the
// model at every call and after every turn.

import Glibc
import Notifier

/// One execution of a program.
///
/// Loop-confined.
final class LoopRun {
    /// A fault to build in, by which the tests see that the comparison notices faults.
    enum Sabotage { case none, keepsUnwatched, losesBytes, firesEarly }

    struct Turn {
        let number: Int
        var lastTimer: (deadline: UInt64, age: Int)?
        var lastRank = -1
    }

    let loop: EventLoop
    private(set) var failure: String?
    let clock = ManualClock()
    let sabotage: Sabotage
    var channels: [ModelChannel?] = Array(repeating: nil, count: 5)
    var duplicates: [Int32] = []
    var watches: [ModelWatch] = []
    var timers: [ModelTimer] = []
    var dispatchers: [ModelDispatcher] = []
    var turns: [Turn] = []
    var isInTimer = false
    var budget = 400
    var counter = 0
    var nextJob = 0
    var lastJob = -1

    init(_ sabotage: Sabotage = .none) throws {
        loop = try EventLoop(clock: clock)
        self.sabotage = sabotage
    }

    /// Runs `program` and returns what was wrong, if anything was.
    static func failure(
        of program: LoopProgram, _ sabotage: Sabotage = .none
    ) throws -> String? {
        let run = try LoopRun(sabotage)
        run.perform(program.operations)
        run.settle()
        run.loop.close()
        for channel in run.channels { channel?.close() }
        for number in run.duplicates { _ = Glibc.close(number) }
        return run.failure
    }

    func fail(_ text: String) { if failure == nil { failure = text } }

    func count() -> Int {
        counter += 1
        return counter
    }

    // MARK: Operations

    func perform(_ operations: [LoopOperation]) {
        for operation in operations {
            guard failure == nil, budget > 0 else { return }
            budget -= 1
            perform(operation)
        }
    }

    func perform(_ operation: LoopOperation) {
        switch operation {
        case .open(let place, let kind):
            if channels[place] == nil {
                channels[place] = ModelChannel(kind, UInt8(truncatingIfNeeded: count()))
            }
        case .close(let place): close(place)
        case .closeRudely(let place, let keepingDuplicate):
            if turns.isEmpty { closeRudely(place, keepingDuplicate) }
        case .farWrite(let place, let length): farWrite(place, length)
        case .farShutDown(let place):
            guard let channel = channels[place], channel.kind == .socket, channel.isFarOpen
            else { return }
            channel.isFarShut = true
            _ = shutdown(channel.far, Int32(SHUT_WR))
        case .farClose(let place): channels[place]?.closeFar()
        case .watch(let place, let interest, let reaction):
            watch(place, Interest(rawValue: interest), reaction)
        case .change(let place, let interest):
            if let watch = channels[place]?.watch { change(watch, Interest(rawValue: interest)) }
        case .unwatch(let place): if let watch = channels[place]?.watch { unwatch(watch) }
        case .changeAny(let index, let interest):
            if let watch = pick(watches, index) { change(watch, Interest(rawValue: interest)) }
        case .unwatchAny(let index): if let watch = pick(watches, index) { unwatch(watch) }
        case .step(let runsDispatchers): step(runsDispatchers)
        case .advance(let milliseconds): clock.advance(by: .milliseconds(milliseconds))
        case .post(let operations): post(operations)
        default: performOnTimers(operation)
        }
    }

    func pick<Thing>(_ things: [Thing], _ index: Int) -> Thing? {
        things.isEmpty ? nil : things[index % things.count]
    }

    func close(_ place: Int) {
        guard let channel = channels[place] else { return }
        if let watch = channel.watch { unwatch(watch) }
        channel.close()
        channels[place] = nil
    }

    func closeRudely(_ place: Int, _ keepingDuplicate: Bool) {
        guard let channel = channels[place] else { return }
        if keepingDuplicate { duplicates.append(fcntl(channel.near, F_DUPFD_CLOEXEC, 0)) }
        channel.watch?.hasDuplicate = keepingDuplicate
        channel.watch?.isAbandoned = true
        channel.watch?.end()
        channel.close()
        channels[place] = nil
    }

    func farWrite(_ place: Int, _ length: Int) {
        guard let channel = channels[place], channel.kind != .pipeWriter, channel.isFarOpen,
            !channel.isFarShut
        else { return }
        let bytes = [UInt8](repeating: channel.mark, count: length)
        channel.unread += length
        if sabotage == .losesBytes { return }
        if write(channel.far, bytes, length) != length { fail("the test could not write") }
    }

    // MARK: Descriptors

    func watch(_ place: Int, _ interest: Interest, _ reaction: Reaction) {
        guard let channel = channels[place] else { return }
        let watch = ModelWatch(channel, interest, reaction)
        do {
            watch.token = try loop.watch(channel.near, interest) { [self] ready in
                called(watch, ready)
            }
            if channel.watch != nil { fail("a second watch on one descriptor was accepted") }
            channel.watch = watch
            watches.append(watch)
        } catch {
            if channel.watch == nil { fail("a watch was refused: \(error)") }
        }
    }

    func change(_ watch: ModelWatch, _ interest: Interest) {
        if watch.isLive { watch.change(to: interest) }
        if let token = watch.token { loop.change(token, to: interest) }
    }

    func unwatch(_ watch: ModelWatch) {
        if watch.isLive { watch.end() }
        if let token = watch.token, sabotage != .keepsUnwatched { loop.unwatch(token) }
    }

    func called(_ watch: ModelWatch, _ ready: Readiness) -> Disposition {
        guard failure == nil, !watch.hasDuplicate else { return .stop }
        if !watch.isLive { fail("a callback came after its removal, with \(ready)") }
        if watch.isRunning { fail("a callback was entered while it ran") }
        if ready.isEmpty { fail("a callback came for nothing") }
        if !watch.due.isSuperset(of: ready) { fail("told \(ready), but due is \(watch.due)") }
        guard failure == nil else { return .stop }
        watch.calls += 1
        watch.isRunning = true
        if ready.contains(.read) { read(watch) }
        let wasInTimer = isInTimer
        isInTimer = false
        if watch.calls <= 2 { perform(watch.reaction.operations) }
        isInTimer = wasInTimer
        watch.isRunning = false
        let keeps = watch.calls <= watch.reaction.keeps
        if watch.isLive {
            if keeps { watch.settle(ready) } else { watch.end() }
        }
        return keeps ? .keep : .stop
    }

    func read(_ watch: ModelWatch) {
        let channel = watch.channel
        guard watch.reaction.reads > 0 else { return }
        let size = watch.reaction.reads == 1 ? 1 : 64
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = max(Glibc.read(channel.near, &bytes, size), 0)
        if count != min(channel.unread, size) { fail("read \(count) of \(channel.unread) bytes") }
        if bytes.prefix(count).contains(where: { $0 != channel.mark }) { fail("foreign bytes") }
        channel.unread -= count
    }

    // MARK: Turns

    func step(_ runsDispatchers: Bool) {
        guard turns.count < EventLoop.nestingLimit - 1 else { return }
        turns.append(Turn(number: count()))
        let present = clock.monotonicNanos()
        let dueWatches = watches.filter { $0.isLive && !$0.isRunning && !$0.due.isEmpty }
            .map { ($0, $0.calls, $0.changes) }
        let dueTimers = timers.filter { $0.isLive && !$0.isRunning && $0.deadline <= present }
            .map { ($0, $0.calls, $0.changes) }
        let dueDispatchers = dispatchers.filter { $0.isLive && !$0.isRunning }
            .map { ($0, $0.calls) }
        loop.step(sleep: false, dispatchers: runsDispatchers)
        turns.removeLast()
        guard failure == nil else { return }
        for (watch, calls, changes) in dueWatches
        where watch.isLive && watch.changes == changes && watch.calls == calls {
            fail("a callback that was due for \(watch.due) did not come")
        }
        for (timer, calls, changes) in dueTimers
        where timer.isLive && timer.changes == changes && timer.calls == calls {
            fail("a timer that was due did not fire")
        }
        for (dispatcher, calls) in dueDispatchers
        where dispatcher.isLive && dispatcher.calls == calls && runsDispatchers {
            fail("a dispatcher did not come")
        }
        if turns.isEmpty { compareTables() }
    }

    func compareTables() {
        for watch in watches where !watch.isAbandoned {
            guard let token = watch.token else { continue }
            if loop.isWatching(token) != watch.isLive {
                fail("the loop \(watch.isLive ? "forgot" : "kept") a registration")
            }
        }
        for timer in timers {
            guard let token = timer.token else { continue }
            if loop.deadline(of: token) != (timer.isLive ? timer.deadline : nil) {
                fail("the loop has another deadline")
            }
        }
    }

    /// Lets everything come to rest: every channel is emptied and ended, and then no callback comes
    /// any more and the loop would sleep.
    func settle() {
        guard failure == nil else { return }
        budget = 0
        for timer in timers { if let token = timer.token { loop.removeTimer(token) } }
        for timer in timers { timer.isLive = false }
        for dispatcher in dispatchers {
            if let token = dispatcher.token { loop.removeDispatcher(token) }
            dispatcher.isLive = false
        }
        for channel in channels {
            guard let channel else { continue }
            // Without interest there is nothing to tell of a live channel.
            if let watch = channel.watch { change(watch, []) }
        }
        for _ in 0..<3 { step(true) }
        let calls = watches.reduce(0) { $0 + $1.calls }
        step(true)
        if watches.reduce(0, { $0 + $1.calls }) != calls { fail("an idle loop made calls") }
        checkRest()
        settleEnds()
        checkRest()
    }

    /// The loop would sleep now, and without end.
    func checkRest() {
        var question = pollfd(fd: loop.pollDescriptor, events: Int16(POLLIN), revents: 0)
        if poll(&question, 1, 0) != 0 { fail("an idle loop would spin") }
        if loop.nextDeadline != nil { fail("an idle loop would wake up") }
    }

    /// Closes every far end: each registration that is left must be told so, once.
    func settleEnds() {
        var waiting: [(ModelWatch, Int)] = []
        for channel in channels {
            guard let channel, let watch = channel.watch else { continue }
            channel.closeFar()
            if !watch.due.isEmpty { waiting.append((watch, watch.calls)) }
        }
        for _ in 0..<4 { step(true) }
        for (watch, calls) in waiting where watch.calls != calls + 1 {
            fail("an end was told \(watch.calls - calls) times")
        }
    }
}
