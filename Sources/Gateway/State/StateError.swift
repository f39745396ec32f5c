// StateError: what can be wrong with the state on disk, in the words an operator reads: which path,
// what is the matter with it, and what to do.

/// What went wrong with the state on disk, for people.
public enum StateError: Error, Equatable, CustomStringConvertible, Sendable {
    /// Another process has it open.
    case inUse(path: String)
    /// The file is damaged, or no database at all.
    case damaged(path: String, reason: String)
    /// The file is the database of another program; `found` says what was found.
    case foreign(path: String, found: String)
    /// The file was written by a newer version, whose format has that number.
    case newer(path: String, format: Int64)
    /// The folder or the file cannot be used as it is; `reason` says why, and what to do.
    case unusable(path: String, reason: String)
    /// The file was removed or replaced while it was open: what is written to it is on no disk that
    /// anybody finds.
    case removed(path: String)
    /// The disk has no room.
    case diskFull(path: String)
    /// Anything else that the system or SQLite says.
    case failed(path: String, reason: String)

    /// What went wrong, and what to do.
    public var description: String {
        switch self {
        case .inUse(let path): "\(path) is in use by another gateway"
        case .damaged(let path, let reason):
            "\(path) is damaged (\(reason)); move it away to start without what it holds"
        case .foreign(let path, let found):
            "\(path) is not a state of Signalbox: it is \(found); nothing was changed in it; "
                + "name another folder in `state`, or move the file away"
        case .newer(let path, let format):
            "\(path) was written by a newer version of Signalbox (format \(format), this one knows "
                + "\(StateIdentity.format)); nothing was changed in it; start that version, or move "
                + "the file away to start without what it holds"
        case .unusable(let path, let reason): "\(path): \(reason)"
        case .removed(let path):
            "\(path) was removed or replaced while the gateway was running; put it back, or restart "
                + "the gateway to begin a new one"
        case .diskFull(let path): "there is no room left on the disk of \(path)"
        case .failed(let path, let reason): "\(path): \(reason)"
        }
    }

    /// Whether a smaller batch may be stored while the one that failed is too large.
    var dependsOnSize: Bool {
        switch self {
        case .diskFull, .failed: true
        case .inUse, .damaged, .foreign, .newer, .unusable, .removed: false
        }
    }
}
