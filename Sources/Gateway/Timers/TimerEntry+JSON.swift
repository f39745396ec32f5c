// TimerEntry+JSON: a timer as the API shows it.

internal import Bytes
internal import JSON

extension TimerEntry {
    /// Most moments that a preview shows.
    static let previewLimit = 100

    /// Writes the timer as the API shows it, with the next `preview` moments at which it fires.
    func write(_ json: inout JSONWriter, _ book: TimerBook, preview: Int = 0) {
        json.beginObject()
        json.key("id")
        json.string(id)
        plan.writeMembers(&json)
        json.key("state")
        json.string(isDone ? "done" : isPaused ? "paused" : "active")
        json.key("fixed")
        json.bool(isFixed)
        json.key("paused")
        json.bool(isPaused)
        json.key("runs")
        json.int(runs)
        json.key("missed")
        json.int(missed)
        json.key("running")
        json.int(runningCount)
        json.key("queued")
        json.int(queuedCount)
        json.key("next_run")
        json.moment(book.nextWallNanos(self))
        json.key("last_run")
        json.moment(lastWallNanos)
        json.key("last_result")
        if let lastResult { json.string(lastResult.text) } else { json.null() }
        if preview > 0 {
            json.key("preview")
            json.beginArray()
            for moment in book.preview(self, preview) { json.moment(moment) }
            json.endArray()
        }
        json.endObject()
    }
}

extension TimerPlan {
    /// Writes the members by which somebody could ask for the same timer.
    func writeMembers(_ json: inout JSONWriter) {
        switch schedule {
        case .after(let delay):
            json.key("after")
            json.string(SettingUnits.text(delay))
        case .every(let interval):
            json.key("every")
            json.string(SettingUnits.text(interval))
        case .at(let nanos):
            json.key("at")
            json.string(Timestamp.text(nanos))
        case .cron(let cron):
            json.key("cron")
            json.string(cron.text)
            json.key("timezone")
            json.string(cron.timezone ?? "UTC")
        }
        writeAction(&json)
        json.key("overlap")
        json.string(overlap.rawValue)
        if jitter > .zero {
            json.key("jitter")
            json.string(SettingUnits.text(jitter))
        }
        if let maxRuns {
            json.key("max_runs")
            json.int(maxRuns)
        }
    }

    private func writeAction(_ json: inout JSONWriter) {
        switch action {
        case .emit(let signal, let data):
            json.key("emit")
            json.beginObject()
            json.key("signal")
            json.string(signal)
            json.key("data")
            data.withUnsafeBytes { json.raw($0) }
            json.endObject()
        case .call(let module, let command, let params):
            json.key("call")
            json.beginObject()
            json.key("module")
            json.string(module)
            json.key("command")
            json.string(command)
            json.key("params")
            params.withUnsafeBytes { json.raw($0) }
            json.endObject()
        }
    }
}

extension JSONWriter {
    /// Writes a moment in RFC 3339, or null.
    mutating func moment(_ wallNanos: Int64?) {
        if let wallNanos { string(Timestamp.text(wallNanos)) } else { null() }
    }
}

/// JSON made on the spot.
enum JSONBytes {
    /// What `write` writes, with a line end.
    static func make(_ write: (inout JSONWriter) -> Void) -> [UInt8] {
        var out = ByteBuffer()
        JSONWriter.append(to: &out, write)
        out.append(UInt8(ascii: "\n"))
        return out.array()
    }
}
