import Curl
import ExactJSON
import LinuxSupport
import Tracing
import Workflow

/// The headers of a step's request.
struct HTTPStepHeaders: Sendable {
  private(set) var fields: [HTTPHeader] = []

  /// Those that belong to the connection or to the transfer, and so to the client.
  private static let refused: Set<String> = [
    "connection", "content-length", "expect", "host", "http2-settings", "keep-alive", "proxy-authenticate",
    "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
  ]
  /// Those that are sent to another server than the step's, when that redirects. Any other may be a credential.
  private static let harmless: Set<String> = [
    "accept", "accept-language", "content-type", "idempotency-key", "user-agent",
  ]
  private static let mostFields = 100
  private static let mostBytes = 32_768

  /// Reads the parameter.
  /// - Throws: what is wrong with it, without any value.
  init(_ value: JSONValue?) throws(HTTPParameterError) {
    var names: Set<String> = []
    var bytes = 0
    for member in value?.objectValue?.members ?? [] {
      let shown = JSONValue.string(member.key.cut(toBytes: 100)).text
      guard HTTPToken.isValid(member.key) else { throw HTTPParameterError("\(shown) is no name of a header") }
      let name = member.key.lowercased()
      guard !HTTPStepHeaders.refused.contains(name) else {
        throw HTTPParameterError("\(shown) is set by the client or belongs to a connection")
      }
      guard names.insert(name).inserted else { throw HTTPParameterError("\(shown) is there twice") }
      guard let text = member.value.stringValue else {
        throw HTTPParameterError("the value of \(shown) must be a string; \"{{step.output}}\" makes one of any value")
      }
      guard text.utf8.allSatisfy({ ($0 >= 0x20 && $0 != 0x7f) || $0 == 0x09 }) else {
        throw HTTPParameterError("the value of \(shown) has a line break or another control character")
      }
      bytes += name.utf8.count + text.utf8.count
      fields.append((member.key, text))
      guard fields.count <= HTTPStepHeaders.mostFields, bytes <= HTTPStepHeaders.mostBytes else {
        throw HTTPParameterError(
          "there can be \(HTTPStepHeaders.mostFields) headers of \(HTTPStepHeaders.mostBytes) bytes together")
      }
    }
  }

  /// Whether there is a header of this name, in lower case.
  func has(_ name: String) -> Bool { fields.contains { $0.name.lowercased() == name } }

  /// Adds a header that is not there.
  mutating func add(_ name: String, _ value: String) {
    if !has(name.lowercased()) { fields.append((name, value)) }
  }

  /// The fields with those of a trace, unless the step has said them itself.
  func fields(in trace: ActiveTrace?) -> [HTTPHeader] {
    guard let trace, !has("traceparent") else { return fields }
    return fields + trace.context.headers.filter { !has($0.name) }
  }

  /// Removes what another server than the step's must not see.
  mutating func removeCredentials() {
    fields.removeAll { !HTTPStepHeaders.harmless.contains($0.name.lowercased()) }
  }

  /// Removes what describes a body that is not sent.
  mutating func removeContent() { fields.removeAll { $0.name.lowercased().hasPrefix("content-") } }

  /// Checks the parameter. A reference is a text without control characters.
  static let check = ParameterSchema.ValueCheck("headers") { value in
    do throws(HTTPParameterError) {
      _ = try HTTPStepHeaders(value)
      return nil
    } catch {
      return error.description
    }
  }
}
