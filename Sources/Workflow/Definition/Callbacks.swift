package import ExactJSON

/// Says what is wrong with a `callback_url`, as a part of a sentence; nil when nothing is.
public typealias CallbackCheck = @Sendable (String) -> String?

/// What a `callback_url` may look like.
public enum Callbacks {
  /// What is wrong with every `callback_url` where the operator has set no secret.
  public static let areOff = "callbacks are off: the operator has set no secret (WF_CALLBACK_SECRET)"

  /// The JSON Schema; which hosts there may be, it does not say.
  package static let schema: JSONObject = [
    "type": "string", "format": "uri", "maxLength": .number(JSONNumber(RunOptions.Limit.callbackBytes)),
    "pattern": "^[hH][tT][tT][pP][sS]?://[!-~]+$", "examples": ["https://hooks.example.com/wf"],
  ]

  /// The `callback_url` of a body if it may be called, whatever else is wrong with the body.
  package static func url(of body: JSONObject?, _ check: CallbackCheck) -> String? {
    guard let text = body?["callback_url"]?.stringValue, fault(of: text, check) == nil else { return nil }
    return text
  }

  static func fault(of text: String, _ check: CallbackCheck) -> String? {
    if text.utf8.count > RunOptions.Limit.callbackBytes {
      return "a callback_url has at most \(RunOptions.Limit.callbackBytes) bytes"
    }
    let start = text.prefix { $0 != ":" }.lowercased()
    guard ["http", "https"].contains(start), text.utf8.dropFirst(start.utf8.count).starts(with: "://".utf8) else {
      return "it must start with http:// or https://"
    }
    guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
      return "it has characters that a URL has not; they must be percent-encoded, and a host written as xn--…"
    }
    return check(text)
  }
}

extension RunOptions {
  /// Reads where the end of the run is reported to.
  mutating func readCallback(
    _ value: JSONValue, at place: ValidationFault.Location, _ check: CallbackCheck, _ faults: inout FaultList
  ) {
    guard let text = value.stringValue else {
      faults.add(.stringType(place, value))
      return
    }
    if let fault = Callbacks.fault(of: text, check) {
      faults.add(.value(place, value, fault))
    } else {
      callback = text
    }
  }
}
