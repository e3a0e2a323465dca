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

  /// A chat completion; OpenAI's kind of error where the call does not ask for one.
  /// - Parameter text: what the model says; by default it repeats how the last user message begins.
  init(completionOf call: ModelServer.Call, text: String? = nil) {
    guard call.method == "POST", call.path == "/v1/chat/completions" else {
      self.init(status: 404, json: ["error": ["message": .string("There is no \(call.method) \(call.path)")]])
      return
    }
    guard let model = call.body?.objectValue?["model"], let messages = call.body?.objectValue?["messages"]?.arrayValue
    else {
      self.init(status: 400, json: ["error": ["message": "model and messages are required"]])
      return
    }
    let said = messages.compactMap { $0.objectValue?["content"]?.stringValue }
    let answer = text ?? "Model: " + String(String.UnicodeScalarView(Response.lastUserMessage(messages).prefix(40)))
    self.init(status: 200, json: Response.completion(of: model, prompt: said.joined(separator: " "), answer))
  }

  private init(status: Int, json: JSONValue) {
    self.init(status: status, headers: [("Content-Type", "application/json")], body: json.bytes)
  }

  private static func lastUserMessage(_ messages: [JSONValue]) -> String.UnicodeScalarView {
    let last = messages.last { $0.objectValue?["role"] == "user" }
    return (last?.objectValue?["content"]?.stringValue ?? "").unicodeScalars
  }

  /// A token is a word here.
  private static func completion(of model: JSONValue, prompt: String, _ answer: String) -> JSONValue {
    let asked = prompt.split(whereSeparator: \.isWhitespace).count
    let answered = answer.split(whereSeparator: \.isWhitespace).count
    let message: JSONValue = ["role": "assistant", "content": .string(answer)]
    return [
      "id": "chatcmpl-test", "object": "chat.completion", "created": 1_732_387_200, "model": model,
      "choices": [["index": 0, "message": message, "finish_reason": "stop"]],
      "usage": [
        "prompt_tokens": .number(JSONNumber(asked)), "completion_tokens": .number(JSONNumber(answered)),
        "total_tokens": .number(JSONNumber(asked + answered)),
      ],
    ]
  }

  /// The response on the wire.
  var bytes: [UInt8] {
    let fields = (headers + [("Content-Length", "\(body.count)")]).map { "\($0.0): \($0.1)\r\n" }
    return Array("HTTP/1.1 \(status) \r\n\(fields.joined())\r\n".utf8) + body
  }
}
