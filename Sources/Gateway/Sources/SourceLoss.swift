// SourceLoss: what a source leaves out, why, and which setting decides it: for the counts and the log.

internal import Bytes

/// Why a source leaves something out.
enum SourceLoss: CaseIterable {
    /// There were more lines than the rate allows.
    case overRate
    /// A line was too long.
    case tooLong
    /// A line was to be JSON and was not.
    case malformed
    /// A signal may not have so much data.
    case tooLarge
    /// It was to be stored and could not be.
    case notStored
    /// There were too many connections.
    case refused

    /// What the log says of `count` such cases of `source`.
    ///
    /// - Parameters:
    ///   - isFirst: whether nothing has been said of it for some time.
    ///   - eventSize: most bytes of a signal's data.
    func sentence(
        _ count: Int, isFirst: Bool, _ source: Settings.Source, eventSize: Int
    ) -> String {
        let more = isFirst ? "" : " more"
        let noun = self == .refused ? "connection" : "line"
        let verb = self == .refused ? "closed" : "left out"
        let number = "\(count)\(more) \(noun)\(count == 1 ? "" : "s")"
        return "source \(source.name) \(verb) \(number): \(reason(source, eventSize))"
    }

    private func reason(_ source: Settings.Source, _ eventSize: Int) -> String {
        let place = "sources.\(source.name)"
        switch self {
        case .overRate:
            return "more than \(source.rate) a second came (\(place).rate)"
        case .tooLong:
            return "longer than \(Quantity.bytes(source.lineSize)) (\(place).line_size)"
        case .malformed: return "not JSON (\(place).framing)"
        case .tooLarge:
            return "more data than \(Quantity.bytes(eventSize)) (signals.event_size)"
        case .notStored: return "the signal could not be stored (state)"
        case .refused:
            return "\(source.connections) are open already (\(place).connections)"
        }
    }
}

extension SourceCounts {
    /// Counts one case of `loss`.
    mutating func count(_ loss: SourceLoss) {
        switch loss {
        case .overRate: overRate &+= 1
        case .tooLong: tooLong &+= 1
        case .malformed: malformed &+= 1
        case .tooLarge: tooLarge &+= 1
        case .notStored: notStored &+= 1
        case .refused: refused &+= 1
        }
    }
}
