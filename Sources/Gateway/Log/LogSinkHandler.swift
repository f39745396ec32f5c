// LogSinkHandler: the face that swift-log sees. A value, as swift-log asks: each logger has its own
// metadata and may have its own level; the lines go to the sink they share.

import Logging

/// A backend of swift-log that hands its records to a sink.
struct LogSinkHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    private let label: String
    private let sink: LogSink
    private var ownLevel: Logger.Level?

    /// Makes a handler for the logger `label`.
    init(label: String, sink: LogSink) {
        self.label = label
        self.sink = sink
    }

    /// The level set for this logger, else that of the sink, which a reload may change.
    var logLevel: Logger.Level {
        get { ownLevel ?? sink.level }
        set { ownLevel = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Hands the record over; what is said at the call goes before what the logger carries.
    func log(event: LogEvent) {
        var merged = metadata
        if let provided = metadataProvider?.get() {
            merged.merge(provided) { _, new in new }
        }
        if let particular = event.metadata {
            merged.merge(particular) { _, new in new }
        }
        if let error = event.error, merged["error"] == nil {
            merged["error"] = .string(String(describing: error))
        }
        sink.append(
            level: event.level, label: label, message: event.message.description,
            metadata: merged)
    }
}
