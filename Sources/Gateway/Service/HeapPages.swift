// HeapPages: the pages that malloc keeps although nothing is in them. It gives back by itself only
// what lies at the very end of a heap; a storm of connections leaves holes.
//
// Asking malloc costs its locks for up to a millisecond, trimming a quarter of one for each MiB: so
// both happen on a worker thread, and only when the process is larger than it has been.

internal import CLinux
internal import Glibc
internal import Notifier

/// Gives empty pages of the heap back to the system.
///
/// Loop-confined, on the control loop.
final class HeapPages {
    /// What is worth a system call: bytes by which the process must have grown, and bytes that must
    /// be empty.
    static let worthwhileByteCount = 4 << 20

    /// Longest pause between two looks of which the first found nothing to give back.
    static let longestPause = Duration.seconds(8)

    private let loop: EventLoop
    private let pool: () throws -> WorkerPool
    private var pause = IdleMemory.interval
    private var nextNanos: UInt64 = 0
    private var isWaiting = false
    private var isWorking = false
    private var isWanted = false
    /// The least memory the process has had: what it may come back to.
    ///
    /// Not what the last trim has left: spare blocks may have gone since, without any growth.
    private var floor: Int
    /// Memory beyond what malloc has given out that trimming has left.
    private var residue = 0

    /// Times that pages were given back.
    private(set) var trimCount = 0

    /// Looks at the heap on `loop`, and works on a thread of `pool`.
    ///
    /// What the process has now is what it should come back to: the first look may be in a storm.
    init(loop: EventLoop, pool: @escaping () throws -> WorkerPool) {
        self.loop = loop
        self.pool = pool
        floor = Self.residentByteCount() ?? .max
    }

    /// Looks whether there is something to give back; often called, it looks less often, but always
    /// once after the last call.
    func look() {
        isWanted = isWorking
        guard !isWaiting, !isWorking else { return }
        guard loop.now >= nextNanos else {
            isWaiting = true
            loop.addTimer(at: nextNanos) { [unowned self] in
                isWaiting = false
                lookNow()
            }
            return
        }
        lookNow()
    }

    private func lookNow() {
        guard let size = Self.residentByteCount() else { return }
        floor = min(floor, size)
        guard size - floor >= Self.worthwhileByteCount, let pool = try? pool() else {
            nextNanos = loop.now &+ UInt64(IdleMemory.interval.nanoseconds)
            return
        }
        let least = residue + Self.worthwhileByteCount
        isWorking = true
        do throws(WorkerError) {
            try pool.run(on: loop) { _ in
                Self.trim(atLeast: least)
            } then: { [weak self] result in
                self?.finish((try? result.get()) ?? nil)
            }
        } catch {
            isWorking = false
        }
    }

    /// Trims the heap if so many bytes of the process are not in use; how many then are not.
    private static func trim(atLeast least: Int) -> (unused: Int, hasTrimmed: Bool)? {
        guard let size = residentByteCount() else { return nil }
        let unused = size - clinux_heap_used()
        guard unused >= least else { return (unused, false) }
        clinux_heap_trim()
        return residentByteCount().map { ($0 - clinux_heap_used(), true) }
    }

    private func finish(_ outcome: (unused: Int, hasTrimmed: Bool)?) {
        isWorking = false
        if let outcome {
            residue = max(outcome.hasTrimmed ? outcome.unused : min(outcome.unused, residue), 0)
            if outcome.hasTrimmed { trimCount += 1 }
        }
        rest(outcome?.hasTrimmed == true)
        if isWanted { look() }
    }

    private func rest(_ hasTrimmed: Bool) {
        pause = hasTrimmed ? IdleMemory.interval : min(pause * 2, Self.longestPause)
        nextNanos = loop.now &+ UInt64(pause.nanoseconds)
    }

    /// Bytes of memory that the process has for itself; nil if the system does not say.
    ///
    /// Any thread. Reading this takes microseconds: the kernel has the sums at hand.
    static func residentByteCount() -> Int? {
        let descriptor = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var text = [UInt8](repeating: 0, count: 128)
        let count = read(descriptor, &text, text.count)
        guard count > 0 else { return nil }
        // "size resident shared …" in pages; shared are those of files.
        let numbers = text[..<count].split(separator: UInt8(ascii: " ")).prefix(3).map {
            $0.reduce(0) { $0 &* 10 &+ (Int($1) &- 48) }
        }
        guard numbers.count == 3 else { return nil }
        return max(numbers[1] &- numbers[2], 0) &* sysconf(Int32(_SC_PAGESIZE))
    }
}
