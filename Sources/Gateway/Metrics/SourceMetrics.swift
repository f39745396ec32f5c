// SourceMetrics: the counters of sources and of the state on disk in Prometheus' text format.

internal import Bytes

/// Writes counters of what exists once in the gateway.
enum SourceMetrics {
    /// Appends the counters of the sources.
    static func append(
        _ sources: [(name: String, counts: SourceCounts)], to out: inout ByteBuffer
    ) {
        guard !sources.isEmpty else { return }
        out.append("# HELP signalbox_source_signals_total Signals emitted by a source.\n")
        out.append("# TYPE signalbox_source_signals_total counter\n")
        for (name, counts) in sources {
            row(&out, "source_signals_total", name, nil, counts.emitted)
        }
        out.append("# HELP signalbox_source_dropped_total Lines of a source that were left out.\n")
        out.append("# TYPE signalbox_source_dropped_total counter\n")
        for (name, counts) in sources {
            for (reason, count) in counts.dropped {
                row(&out, "source_dropped_total", name, ("reason", "\(reason)"), count)
            }
            row(
                &out, "source_dropped_total", name, ("reason", "connections"), counts.refused)
        }
        out.append("# HELP signalbox_source_connections Open connections of a source.\n")
        out.append("# TYPE signalbox_source_connections gauge\n")
        for (name, counts) in sources {
            row(&out, "source_connections", name, nil, UInt64(counts.connections))
        }
    }

    /// Appends the counters of the state on disk.
    static func append(
        _ commits: (done: UInt64, failed: UInt64), to out: inout ByteBuffer
    ) {
        out.append("# HELP signalbox_state_commits_total Commits of the state on disk.\n")
        out.append("# TYPE signalbox_state_commits_total counter\nsignalbox_state_commits_total ")
        out.append(decimal: Int(clamping: commits.done))
        out.append("\n# HELP signalbox_state_failures_total Commits that failed.\n")
        out.append("# TYPE signalbox_state_failures_total counter\nsignalbox_state_failures_total ")
        out.append(decimal: Int(clamping: commits.failed))
        out.append("\n")
    }

    /// Appends the counters of the reactions.
    static func append(
        _ reactions: [(name: String, counts: ReactionCounts)], to out: inout ByteBuffer
    ) {
        guard !reactions.isEmpty else { return }
        out.append("# HELP signalbox_reaction_runs_total Times a reaction was begun.\n")
        out.append("# TYPE signalbox_reaction_runs_total counter\n")
        for (name, counts) in reactions {
            row(&out, "reaction_runs_total", name, nil, counts.runs, label: "reaction")
        }
        out.append("# HELP signalbox_reaction_failures_total Times a reaction failed.\n")
        out.append("# TYPE signalbox_reaction_failures_total counter\n")
        for (name, counts) in reactions {
            row(&out, "reaction_failures_total", name, nil, counts.failures, label: "reaction")
        }
        out.append("# HELP signalbox_reaction_dropped_total Signals not reacted to.\n")
        out.append("# TYPE signalbox_reaction_dropped_total counter\n")
        for (name, counts) in reactions {
            for (reason, count) in counts.dropped {
                row(
                    &out, "reaction_dropped_total", name, ("reason", "\(reason)"), count,
                    label: "reaction")
            }
        }
        appendExits(reactions, to: &out)
    }

    private static func appendExits(
        _ reactions: [(name: String, counts: ReactionCounts)], to out: inout ByteBuffer
    ) {
        guard reactions.contains(where: { !$0.counts.exits.isEmpty }) else { return }
        out.append("# HELP signalbox_reaction_exits_total Ends of a reaction's program.\n")
        out.append("# TYPE signalbox_reaction_exits_total counter\n")
        for (name, counts) in reactions {
            for (exit, count) in counts.endings {
                row(
                    &out, "reaction_exits_total", name, ("exit", exit), count, label: "reaction")
            }
        }
    }

    private static func row(
        _ out: inout ByteBuffer, _ metric: StaticString, _ name: String,
        _ detail: (label: StaticString, value: String)?,
        _ value: UInt64, label: StaticString = "source"
    ) {
        out.append("signalbox_")
        out.append(metric)
        out.append("{")
        out.append(label)
        out.append("=\"")
        out.append(text: name)
        if let detail {
            out.append("\",")
            out.append(detail.label)
            out.append("=\"")
            out.append(text: detail.value)
        }
        out.append("\"} ")
        out.append(decimal: Int(clamping: value))
        out.append("\n")
    }
}
