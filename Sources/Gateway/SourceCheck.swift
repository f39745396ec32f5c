// SourceCheck: whether the files and folders that sources name are such. Asked for by check-config; a
// gateway that serves waits for them, and says so in each source.

internal import Glibc

extension Gateway {
    /// What is wrong with the paths that sources of `settings` name: each a sentence with its key path.
    ///
    /// A file that is not there yet is nothing wrong, and whether it may be read depends on who asks.
    public static func missingSources(of settings: Settings) -> [String] {
        settings.sources.compactMap { source in
            switch source.kind {
            case .udp, .tcp: return nil
            case .unix(let path):
                let folder = FileTrouble.parent(of: path)
                guard FileTrouble.before(opening: folder) != .folder else { return nil }
                return "sources.\(source.name).unix: there is no folder \(folder)"
            case .file(let path):
                guard let trouble = FileTrouble.before(opening: path) else { return nil }
                switch trouble {
                case .missing, .denied: return nil
                case .noFolder, .folder, .special, .system:
                    return "sources.\(source.name).file: \(trouble.sentence(path))"
                }
            }
        }
    }
}
