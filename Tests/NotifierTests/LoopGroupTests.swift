import Notifier
import Testing

@Suite(.timeLimit(.minutes(1)))
struct LoopGroupTests {
    private struct Failure: Error {}

    @Test func `every loop is set up with its number and can be reached`() throws {
        let first = try EventLoop()
        let numbers = Shared<[Int]>([])
        let group = try LoopGroup(others: 3) { _, number in numbers.change { $0.append(number) } }
        #expect(numbers.value == [1, 2, 3])
        let home = first.handle
        let answers = Shared(0)
        for handle in group.handles {
            handle.post { loop in
                #expect(loop.handle === handle)
                home.post { _ in answers.change { $0 += 1 } }
            }
        }
        #expect(first.run(until: { answers.value == 3 }, limit: .seconds(20)))
        group.stop()
        group.join()
        #expect(group.handles.allSatisfy { !$0.post { _ in } })
    }

    @Test func `a group of none is valid`() throws {
        let group = try LoopGroup(others: 0) { _, _ in }
        #expect(group.handles.isEmpty)
        group.stop()
        group.join()
    }

    @Test func `when one setup fails the others are ended`() {
        let ended = Shared(0)
        final class Witness: LoopLocal {
            var onEnd: () -> Void = {}
            init(loop: EventLoop) {}
            deinit { onEnd() }
        }
        #expect(throws: Failure.self) {
            _ = try LoopGroup(others: 3) { loop, number in
                if number == 3 { throw Failure() }
                loop.local(Witness.self).onEnd = { ended.change { $0 += 1 } }
            }
        }
        #expect(ended.value == 2)
    }

    @Test func `pinned loops are spread over the CPUs there are`() throws {
        #expect(LoopGroup.usableCPUs >= 1)
        let group = try LoopGroup(others: LoopGroup.usableCPUs * 2, pinned: true) { _, _ in }
        group.stop()
        group.join()
    }
}
