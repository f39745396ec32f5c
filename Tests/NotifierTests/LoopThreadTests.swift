import Glibc
import Notifier
import Testing

@Suite(.timeLimit(.minutes(1)))
struct LoopThreadTests {
    private struct Failure: Error {}

    @Test func `the setup has run on the new thread when the start returns`() throws {
        let own = UInt(pthread_self())
        let other = Shared<UInt>(0)
        let thread = try LoopThread(name: "test") { loop in
            #expect(loop.isOnLoop)
            other.change { $0 = UInt(pthread_self()) }
        }
        #expect(other.value != 0 && other.value != own)
        thread.stop()
        thread.join()
    }

    @Test func `what the setup throws is thrown by the start`() {
        #expect(throws: Failure.self) {
            _ = try LoopThread(name: "test") { _ in throw Failure() }
        }
    }

    @Test func `the thread bears the first 15 bytes of its name`() throws {
        let name = Shared("")
        let thread = try LoopThread(name: "a very long thread name") { _ in
            let number = open("/proc/thread-self/comm", O_RDONLY)
            defer { close(number) }
            let text = receive(from: number)
            name.change { $0 = text }
        }
        #expect(name.value == "a very long thr\n")
        thread.stop()
        thread.join()
    }

    @Test func `a pinned thread runs on its CPU, and a CPU that is not there is an error`() throws {
        let cpu = Shared("")
        let thread = try LoopThread(name: "test", cpu: 0) { _ in
            let number = open("/proc/thread-self/status", O_RDONLY)
            defer { close(number) }
            let text = receive(from: number)
            let line = text.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed_list:") }
            cpu.change { $0 = String(line ?? "") }
        }
        #expect(!cpu.value.contains(",") && !cpu.value.contains("-"))
        thread.stop()
        thread.join()
        #expect(throws: SystemError.self) {
            _ = try LoopThread(name: "test", cpu: 100_000) { _ in }
        }
    }

    @Test func `a stop sent at once is not lost, and the loop ends with its thread`() throws {
        for _ in 0..<50 {
            let thread = try LoopThread(name: "test") { _ in }
            thread.stop()
            thread.join()
            #expect(!thread.handle.post { _ in })
        }
    }
}
