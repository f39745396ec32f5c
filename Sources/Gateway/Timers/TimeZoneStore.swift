// TimeZoneStore: time zones by name, from the system's database (package tzdata).
//
// A zone is a regular file of some kilobytes in the system's read-only data; it is read once for
// each name, at once: handing that to a worker would cost more than the read and make every timer
// wait for its zone.

internal import Bytes
internal import Glibc

/// Time zones by their IANA names.
///
/// Loop-confined.
final class TimeZoneStore {
    /// Why there is no such zone.
    enum Fault: Error, Equatable {
        /// No zone has that name.
        case unknown
        /// This system has no time zones at all.
        case noDatabase(folder: String)
        /// Its file cannot be used.
        case broken(String)

        /// What is wrong with `name`, for people.
        func sentence(_ name: String) -> String {
            switch self {
            case .unknown: "\"\(name)\" is no time zone: write one such as \"Europe/Berlin\""
            case .noDatabase(let folder):
                "there are no time zones in \(folder): install the package tzdata, or use UTC"
            case .broken(let problem): "the file of the time zone \"\(name)\" is broken: \(problem)"
            }
        }
    }

    /// Where the files are.
    static let folder = "/usr/share/zoneinfo"

    /// Largest file that is read; the largest of today has 4 KB.
    static let byteLimit = 64 << 10

    /// Zones kept; the list has some 600 names.
    static let limit = 1_024

    private let folder: String
    private var zones: [String: TimeZoneRules] = [:]

    /// Makes an empty store that reads the files of `folder`.
    init(folder: String = TimeZoneStore.folder) { self.folder = folder }

    /// The zone `name`; nil stands for UTC, which needs no file.
    func zone(_ name: String?) throws(Fault) -> TimeZoneRules {
        guard let name, name != "UTC" else { return .utc }
        if let known = zones[name] { return known }
        guard Self.isName(name) else { throw .unknown }
        let bytes = try read(folder + "/" + name)
        let rules: TimeZoneRules
        do throws(TZifReader.Fault) {
            rules = try TZifReader.read(bytes, name: name)
        } catch {
            throw .broken(error.problem)
        }
        if zones.count < Self.limit { zones[name] = rules }
        return rules
    }

    /// Whether `text` looks like a name of the list and cannot leave its folder.
    static func isName(_ text: String) -> Bool {
        let segments = text.split(separator: "/", omittingEmptySubsequences: false)
        return segments.count <= 3
            && segments.allSatisfy { segment in
                !segment.isEmpty && segment.utf8.count <= 32
                    && segment.utf8.allSatisfy { byte in
                        ASCII.isDigit(byte) || ASCII.isLetter(byte) || "_-+".utf8.contains(byte)
                    }
            }
    }

    private func read(_ path: String) throws(Fault) -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else {
            if access(folder, R_OK | X_OK) != 0 { throw .noDatabase(folder: folder) }
            throw .unknown
        }
        defer { close(file) }
        var facts = stat()
        guard fstat(file, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else { throw .unknown }
        guard facts.st_size <= Self.byteLimit else { throw .broken("it is too large") }
        var bytes = [UInt8](repeating: 0, count: Int(facts.st_size))
        var count = 0
        while count < bytes.count {
            // SAFETY: the pointer lies within the array, with as many bytes behind it as are asked for.
            let got = bytes.withUnsafeMutableBytes { buffer in
                Glibc.read(file, buffer.baseAddress.map { $0 + count }, buffer.count - count)
            }
            guard got > 0 else { break }
            count += got
        }
        guard count == bytes.count else { throw .broken("it cannot be read") }
        return bytes
    }
}
