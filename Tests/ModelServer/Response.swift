import ExactJSON

/// A response before it is written.
struct Response {
  var status: Int
  var headers: [(String, String)]
  var body: [UInt8]

  init(status: Int, headers: [(String, String)] = [], body: [UInt8]) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  /// An answer of the wire that the call names by its path; OpenAI's kind of error where the call does not ask for one.
  /// - Parameter text: what the model says; by default it repeats how the last user message begins.
  init(completionOf call: ModelServer.Call, text: String? = nil) {
    guard call.method == "POST", let wire = WireAnswer.Wire(path: call.path) else {
      self.init(status: 404, json: ["error": ["message": .string("There is no \(call.method) \(call.path)")]])
      return
    }
    let body = call.body?.objectValue
    guard let model = body?["model"]?.stringValue,
      let messages = body?[wire == .responses ? "input" : "messages"]?.arrayValue
    else {
      self.init(status: 400, json: ["error": ["message": "model and messages are required"]])
      return
    }
    let said = messages.compactMap { $0.objectValue?["content"]?.stringValue }.joined(separator: " ")
    let answer = WireAnswer(
      wire: wire, model: model,
      text: text ?? "Model: " + String(String.UnicodeScalarView(Response.lastUserMessage(messages).prefix(40))),
      promptTokens: Response.words(said).count)
    if body?["stream"] == true {
      let events = answer.events.map { "data: \($0)\n\n" }.joined()
      self.init(status: 200, headers: [("Content-Type", "text/event-stream")], body: Array(events.utf8))
    } else {
      self.init(status: 200, json: answer.whole)
    }
  }

  private init(status: Int, json: JSONValue) {
    self.init(status: status, headers: [("Content-Type", "application/json")], body: json.bytes)
  }

  private static func lastUserMessage(_ messages: [JSONValue]) -> String.UnicodeScalarView {
    let last = messages.last { $0.objectValue?["role"] == "user" }
    return (last?.objectValue?["content"]?.stringValue ?? "").unicodeScalars
  }

  /// A token is a word here.
  static func words(_ text: String) -> [Substring] { text.split(whereSeparator: \.isWhitespace) }

  /// The response on the wire.
  var bytes: [UInt8] {
    let fields = (headers + [("Content-Length", "\(body.count)")]).map { "\($0.0): \($0.1)\r\n" }
    return Array("HTTP/1.1 \(status) \r\n\(fields.joined())\r\n".utf8) + body
  }
}
