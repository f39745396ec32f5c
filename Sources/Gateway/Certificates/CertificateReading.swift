// CertificateReading: what a worker thread makes of one listener's certificate files: a context for
// each loop, ready to be used, or the reason why there is none. The loops only swap references.

internal import HTTPWire
internal import Notifier
internal import TLS

/// The certificate files of one TLS listener.
struct CertificateFiles: Sendable {
    /// The listener's place in the configuration.
    let listener: Int
    /// The listener's URL, for the log.
    let url: String
    /// The files.
    let files: Settings.TLSFiles

    /// The TLS listeners of `settings`.
    static func all(of settings: Settings) -> [CertificateFiles] {
        settings.listeners.enumerated().compactMap { index, listener in
            listener.tls.map { CertificateFiles(listener: index, url: listener.url, files: $0) }
        }
    }

    /// The paths of all files.
    var paths: [String] {
        files.certificates.flatMap { [$0.certificate, $0.key] + ($0.ocsp.map { [$0] } ?? []) }
            + (files.clientAuthority.map { [$0] } ?? [])
    }

    /// Reads the files and makes a context for each of `loops`.
    ///
    /// Blocks: on a worker. All contexts are made before the first is used, so that a listener never
    /// has the new certificate on one loop and the old one on another for want of memory.
    func read(for loops: [LoopAddress], keys: TLSTicketKeys) -> CertificateReading {
        do throws(TLSError) {
            var contexts: [LoopBound<TLSContext>] = []
            var last: TLSContext?
            for loop in loops {
                let context = try TLSContext(server: files.settings(keys))
                contexts.append(loop.bind(context))
                last = context
            }
            return CertificateReading(
                source: self, outcome: .success(contexts),
                warnings: last?.warnings.map { "\($0)" } ?? [],
                summary: last.map(Self.summary) ?? "", stapleEnd: last?.stapleEnd)
        } catch {
            return CertificateReading(
                source: self, outcome: .failure(error), warnings: [], summary: "", stapleEnd: nil)
        }
    }

    /// What the certificates are, in words: `CN=localhost until 2027-12-24`.
    static func summary(_ context: TLSContext) -> String {
        context.certificates.map { facts in
            let name = facts.subject.isEmpty ? facts.names.first ?? "?" : facts.subject
            let day = CivilDate(daysSinceEpoch: Int(max(facts.notAfter, 0) / 86_400))
            return "\(name) until \(day.year)-\(Self.pad(day.month))-\(Self.pad(day.day))"
        }.joined(separator: ", ")
    }

    private static func pad(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}

/// What became of reading one listener's files.
struct CertificateReading: Sendable {
    /// What was read.
    let source: CertificateFiles
    /// A context for each loop, in the order of the loops.
    let outcome: Result<[LoopBound<TLSContext>], TLSError>
    /// What deserves a line in the log.
    let warnings: [String]
    /// What the certificates are, in words.
    let summary: String
    /// When the first OCSP response ends, in seconds since 1970.
    let stapleEnd: Int64?

    /// Why the listener keeps what it has, if it does.
    var fault: String? {
        guard case .failure(let error) = outcome else { return nil }
        return "\(source.url): \(error)"
    }
}
