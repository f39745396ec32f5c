import Glibc
import Notifier
import Testing

@Suite(.timeLimit(.minutes(1)))
struct WorkerTests {
    private struct Failure: Error, Equatable {
        let reason: String
    }

    @Test func `a result comes back on the loop`() throws {
        let loop = try EventLoop()
        let pool = try WorkerPool()
        var result: Int?
        try pool.run(on: loop) { _ in
            6 * 7
        } then: {
            #expect(loop.isOnLoop)
            result = try? $0.get()
        }
        #expect(result == nil)
        #expect(loop.run(until: { result != nil }, limit: .seconds(20)))
        #expect(result == 42)
    }

    @Test func `an error comes back as it was thrown`() throws {
        let loop = try EventLoop()
        let pool = try WorkerPool()
        var error: Failure?
        try pool.run(on: loop) { _ in
            throw Failure(reason: "why not")
        } then: { (result: Result<Int, any Error>) in
            if case .failure(let thrown) = result { error = thrown as? Failure }
        }
        #expect(loop.run(until: { error != nil }, limit: .seconds(20)))
        #expect(error == Failure(reason: "why not"))
    }

    @Test func `progress arrives in order and before the result`() throws {
        let loop = try EventLoop()
        let pool = try WorkerPool()
        var seen: [Int] = []
        var isDone = false
        try pool.run(on: loop) { (context: WorkerContext<Int>) in
            for number in 0..<1000 { context.report(number) }
        } progress: { number in
            #expect(!isDone)
            seen.append(number)
        } then: { _ in
            isDone = true
        }
        #expect(loop.run(until: { isDone }, limit: .seconds(20)))
        #expect(seen == Array(0..<1000))
    }

    @Test func `unfinished work costs the loop no turns`() throws {
        let loop = try EventLoop()
        let pool = try WorkerPool()
        let isOver = Shared(false)
        var isDone = false
        try pool.run(on: loop) { _ in
            while !isOver.value { usleep(1000) }
        } then: { _ in
            isDone = true
        }
        #expect(loop.turns(within: .milliseconds(50)) <= 2)
        isOver.change { $0 = true }
        #expect(loop.run(until: { isDone }, limit: .seconds(20)))
    }

    @Test func `no more than the given number work at once, on threads made when needed`() throws {
        let loop = try EventLoop()
        let pool = try WorkerPool(threads: 3)
        let state = Shared((now: 0, most: 0))
        let threads = Shared<Set<UInt>>([])
        var done = 0
        for _ in 0..<30 {
            try pool.run(on: loop) { _ in
                state.change {
                    $0.now += 1
                    $0.most = max($0.most, $0.now)
                }
                threads.change { $0.insert(UInt(pthread_self())) }
                usleep(2000)
                state.change { $0.now -= 1 }
            } then: { _ in
                done += 1
            }
        }
        #expect(loop.run(until: { done == 30 }, limit: .seconds(20)))
        #expect(state.value.most <= 3)
        #expect(threads.value.count <= 3)
    }

    @Test func `one piece of work after the other needs one thread`() throws {
        let loop = try EventLoop()
        let pool = try WorkerPool()
        let threads = Shared<Set<UInt>>([])
        for _ in 0..<5 {
            var isDone = false
            try pool.run(on: loop) { _ in
                threads.change { $0.insert(UInt(pthread_self())) }
            } then: { _ in
                isDone = true
            }
            #expect(loop.run(until: { isDone }, limit: .seconds(20)))
            // The thread posts its result before it waits again; let it.
            loop.run(until: { false }, limit: .milliseconds(5))
        }
        #expect(threads.value.count <= 2)
    }

    @Test func `a full queue refuses work and forgets it`() throws {
        let loop = try EventLoop()
        let pool = try WorkerPool(threads: 1, queueLimit: 2)
        let isOver = Shared(false)
        let isRunning = Shared(false)
        var done = 0
        let add = {
            try pool.run(on: loop) { _ in
                isRunning.change { $0 = true }
                while !isOver.value { usleep(500) }
            } then: { _ in
                done += 1
            }
        }
        _ = try add()
        #expect(
            loop.run(until: { isRunning.value }, polling: .milliseconds(1), limit: .seconds(20)))
        _ = try add()
        _ = try add()
        #expect(throws: WorkerError.overloaded) { _ = try add() }
        isOver.change { $0 = true }
        #expect(loop.run(until: { done == 3 }, limit: .seconds(20)))
    }

    @Test func `cancelled work that has not begun does not begin`() throws {
        let loop = try EventLoop()
        let pool = try WorkerPool(threads: 1)
        let isOver = Shared(false)
        let began = Shared(false)
        var first = false
        var error: WorkerError?
        try pool.run(on: loop) { _ in
            while !isOver.value { usleep(500) }
        } then: { _ in
            first = true
        }
        let token = try pool.run(on: loop) { _ in
            began.change { $0 = true }
        } then: { result in
            if case .failure(let thrown) = result { error = thrown as? WorkerError }
        }
        token.cancel()
        isOver.change { $0 = true }
        #expect(loop.run(until: { first && error != nil }, limit: .seconds(20)))
        #expect(error == .cancelled)
        #expect(!began.value)
    }

    @Test func `work that has begun sees its cancellation`() throws {
        let loop = try EventLoop()
        let pool = try WorkerPool()
        let isRunning = Shared(false)
        var result: String?
        let token = try pool.run(on: loop) { context in
            isRunning.change { $0 = true }
            while !context.isCancelled { usleep(500) }
            return "gave up"
        } then: {
            result = try? $0.get()
        }
        #expect(
            loop.run(until: { isRunning.value }, polling: .milliseconds(1), limit: .seconds(20)))
        token.cancel()
        #expect(loop.run(until: { result != nil }, limit: .seconds(20)))
    }

    @Test func `a stopped pool finishes what has begun and refuses the rest`() throws {
        let loop = try EventLoop()
        let pool = try WorkerPool(threads: 1)
        let isRunning = Shared(false)
        let isOver = Shared(false)
        var outcomes: [String] = []
        for _ in 0..<3 {
            try pool.run(on: loop) { _ in
                isRunning.change { $0 = true }
                while !isOver.value { usleep(500) }
            } then: { result in
                switch result {
                case .success: outcomes.append("done")
                case .failure(let error): outcomes.append("\(error)")
                }
            }
        }
        #expect(
            loop.run(until: { isRunning.value }, polling: .milliseconds(1), limit: .seconds(20)))
        pool.stop()
        isOver.change { $0 = true }
        pool.join()
        #expect(loop.run(until: { outcomes.count == 3 }, limit: .seconds(20)))
        #expect(
            outcomes.sorted() == ["done"]
                + Array(repeating: "the worker pool was stopped", count: 2))
        #expect(throws: WorkerError.stopped) {
            try pool.run(on: loop) { _ in
            } then: { _ in
            }
        }
    }

    @Test func `callbacks are let go on the loop`() throws {
        final class Witness {
            let home: LoopHandle
            let wasHome: Shared<Bool?>
            init(_ home: LoopHandle, _ wasHome: Shared<Bool?>) {
                self.home = home
                self.wasHome = wasHome
            }
            deinit {
                let isHome = home.isOnLoop
                wasHome.change { $0 = isHome }
            }
        }
        let loop = try EventLoop()
        let pool = try WorkerPool()
        for _ in 0..<50 {
            let wasHome = Shared<Bool?>(nil)
            do {
                let witness = Witness(loop.handle, wasHome)
                try pool.run(on: loop) { _ in
                } then: { _ in
                    _ = witness
                }
            }
            #expect(loop.run(until: { wasHome.value != nil }, limit: .seconds(20)))
            #expect(wasHome.value == true)
        }
    }
}
