// DescriptorLimit: as many descriptors as the configuration's connections need. Systems start
// processes with a soft limit of 1024, for programs that use select(2), and a far higher hard one.

internal import CLinux
internal import Glibc

/// The limit on open descriptors of this process.
enum DescriptorLimit {
    /// Descriptors besides connections: listeners, children with three pipes each, files.
    static let reserve = 1_000

    /// Raises the soft limit to what `connections` need, as far as the hard one allows.
    ///
    /// - Returns: how many connections there is room for, if that is fewer; else nil.
    static func raise(for connections: Int) -> Int? {
        var limit = rlimit()
        let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(kind, &limit) == 0 else { return nil }
        let wanted = rlim_t(clamping: connections + reserve)
        if limit.rlim_cur < wanted {
            limit.rlim_cur = min(wanted, limit.rlim_max)
            guard setrlimit(kind, &limit) == 0 else { return nil }
        }
        guard limit.rlim_cur < rlim_t(clamping: connections) else { return nil }
        return Int(clamping: limit.rlim_cur)
    }
}
