// FileTail: where reading the end of a file stands, and one look at what has become of it. Sans loop:
// it blocks, so a worker does it. Lines, the pace and the log are FileSource's.
//
//     same file, longer, same bytes before the mark  → what was added
//     same file, shorter, or other bytes there       → it was cut (copytruncate): from its beginning
//     another file, with something in it             → rotated: the rest of the old one, then the new
//     another file, empty                            → the old one: its writer has not changed yet
//     no file                                        → the old one while it has a name somewhere
//
// What cannot be seen: a file that was cut and has grown past the mark since with the very same bytes
// before it, and lines that were written and cut off between two looks.

internal import Glibc

/// Where reading a file stands.
///
/// The descriptor belongs to whoever has the newest value.
///
/// Any thread.
struct FileTail: Sendable {
    /// Bytes read at once.
    static let readSize = 64 << 10

    /// Bytes before the place where reading goes on that must still be the same: more than a line of
    /// most logs, with its time.
    static let markSize = 1 << 10

    /// SEEK_DATA of linux/fs.h: to the next byte that is no hole.
    private static let seekData: Int32 = 3

    /// What has become of the file.
    enum Change: Sendable {
        /// Nothing.
        case none
        /// It was cut; what comes is its beginning again.
        case cut
        /// It has ended; what comes is another file.
        case ended
    }

    /// What one look has found.
    struct Reading: Sendable {
        /// Where reading stands now.
        var tail: FileTail
        /// What was added.
        var bytes: ArraySlice<UInt8> = []
        /// What has become of the file behind that.
        var change = Change.none
        /// Why there is nothing to read.
        var trouble: FileTrouble?
        /// There is more to read at once.
        var hasMore = false
    }

    /// What tells a file from others.
    private struct Identity: Sendable, Equatable {
        let device: UInt64
        let inode: UInt64

        init(_ facts: stat) {
            device = UInt64(facts.st_dev)
            inode = UInt64(facts.st_ino)
        }
    }

    /// Size and time of the last change: while both stay there is nothing to look for.
    private struct Stamp: Sendable, Equatable {
        let size: Int
        let seconds: Int
        let nanos: Int

        init(_ facts: stat) {
            size = Int(facts.st_size)
            seconds = facts.st_mtim.tv_sec
            nanos = facts.st_mtim.tv_nsec
        }
    }

    private let lineSize: Int
    private var descriptor: Int32 = -1
    private var identity: Identity?
    private var stamp: Stamp?
    private var offset = 0
    // INVARIANT: the bytes that were before `offset` when they were read, as many as there were up to
    // `markSize`.
    private var mark: [UInt8] = []
    /// Until the first look what is in the file is none of our business.
    private var hasLooked = false
    /// The file at the first look, if it could not be opened then, and its size.
    private var denied: (identity: Identity, size: Int)?
    /// The file was cut, and what comes may begin with the hole that a writer leaves who goes on where
    /// it was.
    private var mayHaveHole = false

    /// Nothing read yet, of a file whose lines have up to `lineSize` bytes.
    init(lineSize: Int) {
        self.lineSize = lineSize
    }

    /// Closes the file.
    func close() {
        if descriptor >= 0 { _ = Glibc.close(descriptor) }
    }

    /// Looks at the file at `path` and reads what was added; blocks.
    func read(_ path: String) -> Reading {
        var next = self
        if descriptor < 0, let trouble = next.open(path) {
            return Reading(tail: next, trouble: trouble)
        }
        do throws(FileTrouble) {
            return try next.look(path)
        } catch {
            return next.failed(error, path)
        }
    }

    private mutating func look(_ path: String) throws(FileTrouble) -> Reading {
        let facts = try present(path)
        if let reading = try step(facts, path) { return reading }
        var there = stat()
        let isThere = stat(path, &there) == 0
        if isThere, Identity(there) == identity { return Reading(tail: self) }
        let trouble = isThere ? FileTrouble.of(kind: there.st_mode) : .after("stat", errno, path)
        // Whoever still writes to the old file has it open. Without a name it holds room on the disk
        // that nobody can free, and with another file in use its writer has left it.
        let isOver = facts.st_nlink == 0 || (isThere && trouble == nil && there.st_size > 0)
        guard isOver else { return Reading(tail: self, trouble: trouble) }
        // What was written after the look above, and before the new file was.
        if let reading = try step(try present(path), path) { return reading }
        return ended(trouble)
    }

    /// What a failure comes to: it ends with the next file of that name, and a file that a server has
    /// lost (NFS) is another one from now on.
    private func failed(_ trouble: FileTrouble, _ path: String) -> Reading {
        var there = stat()
        let isReplaced = stat(path, &there) == 0 && Identity(there) != identity
        if case .system(_, ESTALE) = trouble { return ended(trouble) }
        return isReplaced ? ended(trouble) : Reading(tail: self, trouble: trouble)
    }

    /// Lets go of the file; the next look opens another one from its beginning.
    private func ended(_ trouble: FileTrouble?) -> Reading {
        close()
        var next = FileTail(lineSize: lineSize)
        next.hasLooked = true
        return Reading(tail: next, change: .ended, trouble: trouble, hasMore: trouble == nil)
    }

    private func present(_ path: String) throws(FileTrouble) -> stat {
        var facts = stat()
        guard fstat(descriptor, &facts) == 0 else { throw .after("fstat", errno, path) }
        return facts
    }

    // MARK: Opening

    private mutating func open(_ path: String) -> FileTrouble? {
        let isFirst = !hasLooked
        hasLooked = true
        if let trouble = FileTrouble.before(opening: path) { return trouble }
        let number = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard number >= 0 else {
            let trouble = FileTrouble.after("open", errno, path)
            var facts = stat()
            if isFirst, stat(path, &facts) == 0 {
                denied = (Identity(facts), Int(facts.st_size))
            }
            return trouble
        }
        var facts = stat()
        let trouble =
            fstat(number, &facts) == 0
            ? FileTrouble.of(kind: facts.st_mode) : .after("fstat", errno, path)
        if let trouble {
            _ = Glibc.close(number)
            return trouble
        }
        descriptor = number
        identity = Identity(facts)
        let size = Int(facts.st_size)
        if isFirst {
            begin(at: size)
        } else if let denied, denied.identity == identity, denied.size <= size {
            begin(at: denied.size)
        }
        denied = nil
        return nil
    }

    /// Begins with the line that is unfinished at `end`, or what comes next.
    private mutating func begin(at end: Int) {
        // One byte more than a line may have: of a longer one the rest is left out with its beginning.
        let start = max(end - lineSize - 1, 0)
        let window = read(from: start, count: end - start) ?? []
        offset = end
        guard window.count == end - start else { return }
        offset = start + (window.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0)
        let known = min(offset, Self.markSize)
        let before = read(from: offset - known, count: known) ?? []
        if before.count == known { mark = before }
    }

    // MARK: Reading

    /// What is to be told before anything else is looked at; nil if nothing is new.
    private mutating func step(_ facts: stat, _ path: String) throws(FileTrouble) -> Reading? {
        let present = Stamp(facts)
        if present == stamp, present.size == offset { return nil }
        guard present.size >= offset else { return restart() }
        if mayHaveHole, offset == 0 { offset = max(Int(lseek(descriptor, 0, Self.seekData)), 0) }
        let back = mark.count
        guard let window = read(from: offset - back, count: back + Self.readSize) else {
            throw .after("read", errno, path)
        }
        guard window.count >= back, window.starts(with: mark) else { return restart() }
        stamp = present
        var bytes = window[back...]
        guard !bytes.isEmpty else { return nil }
        let isFull = bytes.count == Self.readSize
        offset += bytes.count
        mark = Array(window.suffix(Self.markSize))
        if mayHaveHole {
            bytes = bytes.drop { $0 == 0 }
            mayHaveHole = bytes.isEmpty
        }
        return Reading(tail: self, bytes: bytes, hasMore: isFull)
    }

    /// Goes back to the beginning.
    private mutating func restart() -> Reading {
        offset = 0
        mark = []
        stamp = nil
        mayHaveHole = true
        return Reading(tail: self, change: .cut, hasMore: true)
    }

    /// Up to `count` bytes from `start` on; nil with `errno` if they cannot be read.
    private func read(from start: Int, count: Int) -> [UInt8]? {
        guard count > 0 else { return [] }
        var buffer = [UInt8](repeating: 0, count: count)
        let read = buffer.withUnsafeMutableBytes {
            pread(descriptor, $0.baseAddress, $0.count, start)
        }
        guard read >= 0 else { return nil }
        buffer.removeLast(count - read)
        return buffer
    }
}
