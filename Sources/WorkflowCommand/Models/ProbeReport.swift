import ExactJSON
import WorkflowLLM
import Workflow

/// What a call of `wf models test` has shown, as a line of text or of JSON.
struct ProbeReport {
  let result: ModelProbe.Result

  /// The heads of the lines.
  static func head(nameWidth: Int) -> String {
    line(["NAME", "WAY", "RESULT", "SECONDS", "FIRST", "INPUT", "CACHED", "OUTPUT", "PRICE", "MODEL"], nameWidth)
  }

  /// The line of text. A row is shown as soon as its call has ended, so the columns have fixed widths.
  func line(nameWidth: Int) -> String {
    let tokens = tokens
    let price = tokens.flatMap { tokens in result.definition.prices.map { CallTokens.text(tokens.price($0)) } }
    let counts = [tokens?.input, tokens?.cached, tokens?.output].map { $0.map { "\($0)" } ?? "-" }
    let row =
      [
        result.definition.name, result.way.rawValue, result.isAnswered ? "ok" : "FAILED", Self.seconds(result.latency),
        result.firstText.map(Self.seconds) ?? "-",
      ] + counts + [price ?? "-", words]
    return Self.line(row.map(\.oneLine), nameWidth)
  }

  private static func line(_ row: [String], _ nameWidth: Int) -> String {
    TextTable.line(row, [nameWidth, 6, 6, 7, 7, 6, 6, 6, 9], width: 1 << 20)
  }

  private static func seconds(_ duration: Duration) -> String {
    let milliseconds = Int(duration / .milliseconds(1))
    let rest = "\(milliseconds % 1_000)"
    return "\(milliseconds / 1_000)." + String(repeating: "0", count: 3 - rest.count) + rest
  }

  private static func number(_ duration: Duration) -> JSONValue {
    JSONNumber(text: seconds(duration)).map { .number($0) } ?? .null
  }

  private var tokens: CallTokens? {
    switch result.outcome {
    case .answered(let answer): CallTokens(answer.usage, result.definition.wire)
    case .failed(let failure): CallTokens(failure.usage, result.definition.wire)
    case .cancelled: nil
    }
  }

  /// Who answered, or why no model did, and what was found out.
  private var words: String {
    let words =
      switch result.outcome {
      case .answered(let answer): answer.model
      case .failed(let failure): failure.fullMessage
      case .cancelled: "cancelled"
      }
    return result.learned.isEmpty ? words : "\(words); found out: \(result.learned.joined(separator: ", "))"
  }

  /// The line of JSON.
  var json: JSONValue {
    var json: JSONObject = [
      "name": .string(result.definition.name), "way": .string(result.way.rawValue), "ok": .bool(result.isAnswered),
      "latency_s": Self.number(result.latency),
    ]
    if let first = result.firstText { json["first_text_s"] = Self.number(first) }
    switch result.outcome {
    case .answered(let answer):
      json["model"] = .string(answer.model)
      json["usage"] = answer.usage
      json["finish_reason"] = answer.finishReason.map { .string($0) }
    case .failed(let failure):
      json["error_code"] = .string(failure.code.rawValue)
      json["error"] = .string(failure.fullMessage)
      json["usage"] = failure.usage
    case .cancelled: json["error"] = "cancelled"
    }
    if let tokens, let prices = result.definition.prices { json["price"] = ModelTable.number(tokens.price(prices)) }
    json["learned"] = .array(result.learned.map(JSONValue.string))
    return .object(json)
  }
}
