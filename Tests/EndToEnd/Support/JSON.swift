// JSON as dictionaries, where a test looks at a member or two.

import Foundation

/// The object that `text` is, or `nil` when it is JSON of another kind.
func jsonObject(_ text: String) throws -> [String: Any]? {
    try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
}
