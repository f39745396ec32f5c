// Semaphore: lets a thread that has no loop wait for another one, by a blocking read of an eventfd.

internal import CLinux
internal import Glibc

/// Counts permits that threads wait for.
///
/// Any thread.
final class Semaphore: Sendable {
    private let descriptor: Int32

    /// Makes a semaphore without permits.
    ///
    /// - Throws: `SystemError` if no descriptor is left.
    init() throws(SystemError) {
        descriptor = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_SEMAPHORE))
        guard descriptor >= 0 else { throw SystemError("eventfd") }
    }

    deinit { close(descriptor) }

    /// Adds permits; as many waiting threads go on.
    func signal(_ count: Int = 1) {
        var permits = UInt64(max(count, 0))
        if permits > 0 { _ = write(descriptor, &permits, 8) }
    }

    /// Takes a permit, waiting for one if there is none.
    func wait() {
        var permit: UInt64 = 0
        while read(descriptor, &permit, 8) != 8, errno == EINTR {}
    }
}
