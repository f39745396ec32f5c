// FileMark: what tells a file that was written anew from one that was not, without reading it.

internal import Glibc

/// What the file system says of a file, or of the file that a link leads to.
struct FileMark: Hashable, Sendable {
    private var device: UInt64 = 0
    private var inode: UInt64 = 0
    private var byteCount: Int64 = 0
    private var changedSeconds = 0
    private var changedNanos = 0

    /// Looks at the file at `path`; all files that cannot be looked at have the same mark.
    ///
    /// May block, on a network file system for long: only on a worker.
    init(_ path: String) {
        var facts = stat()
        guard stat(path, &facts) == 0 else { return }
        device = UInt64(facts.st_dev)
        inode = UInt64(facts.st_ino)
        byteCount = Int64(facts.st_size)
        // The time of change, not of modification: `cp -p` and `mv` keep the latter.
        changedSeconds = facts.st_ctim.tv_sec
        changedNanos = facts.st_ctim.tv_nsec
    }

    /// The marks of the files at `paths`, in order.
    static func look(at paths: [String]) -> [FileMark] { paths.map { FileMark($0) } }
}
