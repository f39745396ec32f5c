import Testing

@testable import Notifier

@Suite(.timeLimit(.minutes(1)))
struct SemaphoreTests {
    @Test func `permits are counted`() throws {
        let semaphore = try Semaphore()
        semaphore.signal(2)
        semaphore.signal(0)
        semaphore.wait()
        semaphore.wait()
    }

    @Test func `a thread waits until another gives a permit`() throws {
        let semaphore = try Semaphore()
        let order = Shared<[String]>([])
        let thread = try Thread(name: "waiter") {
            semaphore.wait()
            order.change { $0.append("woken") }
        }
        order.change { $0.append("signalled") }
        semaphore.signal()
        thread.join()
        #expect(order.value == ["signalled", "woken"])
    }
}
