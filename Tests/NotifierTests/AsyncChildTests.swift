// Children, awaited by tasks.

import Glibc
import Testing

@testable import Notifier

@Suite(.timeLimit(.minutes(1)))
struct AsyncChildTests {
    @Test func `a task reads the lines of a child and waits for its exit`() throws {
        let stage = try AsyncStage()
        let (texts, exit) = try stage.perform { handle in
            let (lines, ending) = try await handle.run { loop in
                let child = try Child.spawn(
                    shell("echo a; echo b; printf c; exit 4"), on: loop)
                return (child.lines(), child.ending)
            }
            var texts: [String] = []
            for await line in lines { texts.append(line.text) }
            return (texts, try await ending.wait())
        }
        #expect(texts == ["a", "b", "c"])
        #expect(exit == .exited(4))
    }

    @Test func `a slow reader makes the child wait and misses nothing`() throws {
        let stage = try AsyncStage()
        let (count, wrong) = try stage.perform { handle in
            let lines = try await handle.run { loop in
                try Child.spawn(shell("seq 50000"), on: loop).lines(buffer: 10)
            }
            var (count, wrong) = (0, lines.droppedCount)
            for await line in lines {
                count += 1
                if line.text != String(count) { wrong += 1 }
            }
            return (count, wrong + lines.droppedCount)
        }
        #expect(count == 50_000)
        #expect(wrong == 0)
    }

    @Test func `lines dropped unread do not hold the child up`() throws {
        let stage = try AsyncStage()
        let exit = try stage.perform { handle in
            let ending = try await handle.run { loop in
                let child = try Child.spawn(shell("seq 50000"), on: loop)
                _ = child.lines(buffer: 1)
                return child.ending
            }
            return try await ending.wait()
        }
        #expect(exit == .exited(0))
    }

    @Test func `a wait for a child may be cancelled in every state`() throws {
        let stage = try AsyncStage()
        let child = try Child.spawn(shell("read x", input: .pipe), on: stage.loop)
        let ending = child.ending
        let (task, during) = stage.start { _ in try await ending.wait() }
        let before = stage.start { _ in
            withUnsafeCurrentTask { $0?.cancel() }
            return try await ending.wait()
        }.outcome
        #expect(stage.turn { before.value != nil })
        task.cancel()
        #expect(stage.turn { during.value != nil })
        #expect(throws: CancellationError.self) { try before.value?.get() }
        #expect(throws: CancellationError.self) { try during.value?.get() }
        let last = stage.start { _ in try await ending.wait() }.outcome
        child.terminate(.immediate)
        #expect(stage.turn { last.value != nil })
        #expect(try last.value?.get() == .signalled(number: SIGKILL, coreDumped: false))
        // And once more, when it is known.
        #expect(
            try stage.perform { _ in try await ending.wait() }
                == .signalled(number: SIGKILL, coreDumped: false))
    }
}
