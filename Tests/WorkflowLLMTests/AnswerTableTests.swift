import Curl
import Glibc
import ModelServer
import Testing
import Workflow

@testable import WorkflowLLM

/// The table of the page Models: each row is caused, and must end as the row says.
@Suite(.timeLimit(.minutes(5))) struct AnswerTableTests {
  /// A row, by the words of its first column.
  struct Row: Sendable, CustomStringConvertible {
    let what: String
    let again: String
    let result: String

    var description: String { what }

    /// The kind of failure that the last column names, if it names one.
    var code: ErrorCode? { ErrorCode.allCases.first { result.contains("`\($0.rawValue)`") } }
  }

  private static let ok = #"{"choices":[{"message":{"content":"A bay."}}]}"#

  private static func text(_ content: String, _ more: String = "") -> ModelServer.Behaviour {
    .malformed(#"{"choices":[{"message":{"content":\#(content)}\#(more)}]}"#)
  }

  private static func statuses(_ statuses: [Int]) -> [ModelServer.Behaviour] { statuses.map { .status($0) } }

  /// What the first column of each row says, as a server does it.
  private static let causes: [String: [ModelServer.Behaviour]] = [
    "text with `finish_reason` `stop`, `length`, a word of another wire or server for one of them, or none": [
      text(#""A bay.""#)
    ] + ["stop", "length", "eos", "Max_Tokens"].map { text(#""A bay.""#, #","finish_reason":"\#($0)""#) },
    "text that is as long as the limit, although it is said to be whole": [
      .malformed(
        #"{"choices":[{"message":{"content":"A bay."},"finish_reason":"stop"}],"usage":{"completion_tokens":100}}"#)
    ],
    "reasoning before the text: between tags such as `<think>`, in the Harmony format, or as parts of other types": [
      text(#""<think>Hm.</think>\nA bay.""#), text(#""<Reasoning>Hm.</Reasoning>A bay.""#),
      text(#""<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>A bay.""#),
      text(#"[{"type":"thinking","thinking":"Hm."},{"type":"text","text":"A bay."}]"#),
    ],
    "a stream, although none was requested": [
      .malformed("data: {\"choices\":[{\"delta\":{\"content\":\"A bay.\"},\"finish_reason\":\"stop\"}]}\n\n")
    ],
    "JSON with a byte order mark, a repeated key, `NaN`, half of a surrogate pair": [
      .malformed("\u{feff}" + ok), .malformed(#"{"choices":[],"# + ok.dropFirst()), text(#""A bay.""#, #","p":NaN"#),
      text(#""A bay.""#, #","p":"\ud800""#),
    ],
    "400, 404, 422 or 500 that refuses `max_tokens`, `temperature`, the system role or an answer in one piece": [
      .status(400, body: #"{"error":{"message":"'max_tokens' is not supported","param":"max_tokens"}}"#),
      .status(422, body: #"{"detail":"Unexpected fields: temperature"}"#),
      .status(500, body: #"{"message":"System role not supported"}"#),
      .status(400, body: #"{"message":"This model only supports streaming"}"#),
    ],
    "no text: blank, `null`, only reasoning, a call of a tool": [
      text(#""""#), text(#"" \n""#), text("null"), text(#""<think>Hm.""#),
      .malformed(#"{"choices":[{"message":{"content":null,"tool_calls":[{}]},"finish_reason":"tool_calls"}]}"#),
    ],
    "no text, and `finish_reason` is `content_filter`, or a refusal": [
      text("null", #","finish_reason":"content_filter""#),
      .malformed(#"{"choices":[{"message":{"content":null,"refusal":"No."}}]}"#),
    ],
    "text, and `finish_reason` is `content_filter` or `refusal`": ["content_filter", "refusal"].map {
      text(#""A b""#, #","finish_reason":"\#($0)""#)
    },
    "text with any other `finish_reason`, such as `tool_calls` or `pause_turn`": [
      "tool_calls", "pause_turn", "tool_use", "x",
    ].map { text(#""A b""#, #","finish_reason":"\#($0)""#) },
    "status 200 with an error in it: `error`, `choices[0].error`, `finish_reason` `error` or `abort`": [
      .malformed(#"{"error":{"code":502}}"#), text(#""""#, #","error":{"code":502}"#),
      text(#""A b""#, #","finish_reason":"error""#), text(#""A b""#, #","finish_reason":"abort""#),
    ],
    "status 200 with a page, no JSON, no choices": [
      .malformed("<html>Soon</html>"), .malformed("upstream error"), .malformed("{}"), .malformed(#"{"choices":[]}"#),
    ],
    "status 204, or 200 with an empty body, one that is cut, a broken stream": [
      .status(204),
      .malformed(""), .malformed(#"{"choices":[{"mess"#), .dieInTheMiddle,
      .malformed("data: {\"choices\":[{\"delta\":{\"content\":\"A b\"}}]}\n\n"),
      .status(200, headers: [("Content-Encoding", "gzip")], body: "not gzip"),
      .bytes(
        [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 9, 0, 0xf6, 0xff] + Array("{\"choice".utf8),
        headers: [("Content-Encoding", "gzip")]),
    ],
    "408, no answer in time": [.status(408), .hold],
    "409, 424, 498, 500 and above, no connection, a connection that is lost": statuses([
      409, 424, 498, 500, 502, 503, 504, 529, 600, 999,
    ])
      + [.hangUp, .garbage],
    "429": [.status(429), .status(429, headers: [("Retry-After", "1")])],
    "500 that quotes a 429, or whose `code` or `type` says so": [
      #"{"detail":"Error code: 429 - {}"}"#, #"{"error":{"code":"429"}}"#, #"{"error":{"type":"throttling_error"}}"#,
    ].map { .status(500, body: $0) },
    "500 that quotes a 400, or whose `code` or `type` says so": [
      #"{"detail":"Error code: 400 - {}"}"#, #"{"error":{"code":400}}"#, #"{"error":{"type":"invalid_request_error"}}"#,
    ].map { .status(500, body: $0) },
    "429 with `insufficient_quota`": [.status(429, body: #"{"error":{"code":"insufficient_quota"}}"#)],
    "any other status from 300 to 499; no redirect is followed": statuses([
      301, 307, 400, 401, 402, 403, 404, 413, 415, 422, 425, 451,
    ]),
    "`x-should-retry: true`": [.status(400, headers: [("x-should-retry", "true")])],
    "`x-should-retry: false`": [503, 200].map { .status($0, headers: [("x-should-retry", "false")]) },
  ]

  /// The row whose errors libcurl's own tests cause.
  private static let withoutTLS = "a certificate that is not trusted, no TLS, a proxy that answers 400 to 499"

  /// What servers do to streams, on each wire.
  private static func streamCauses(_ wire: ModelDefinition.Wire) -> [String: [ModelServer.Behaviour]] {
    let events = ShortAnswer.events(wire)
    let toMark = Array(events.prefix { $0 != ShortAnswer.end(wire) }) + [ShortAnswer.end(wire)]
    let begin = Array(events.prefix(wire == .messages ? 2 : 1))
    let long = StreamText([String(repeating: "x", count: 60_000)]).body.dropLast(2)
    let chunk = Array(StreamText(Array(long), size: long.count).framed.dropLast(5))
    return [
      "a stream that breaks off, is reset, or says nothing more after its end mark": [
        .stream(toMark, then: [.end]), .stream(events, then: [.end]), .stream(events, then: [.hold]),
        .stream(events), .stream(events, then: [.pause(.milliseconds(50)), .reset]),
      ],
      "a stream without its end mark: cut, reset, ended in good order, ended by `[DONE]`, without an event": [
        .stream(begin, then: [.end]), .stream(begin, then: [.reset]), .stream(begin), .stream(begin + ["[DONE]"]),
        .stream([]),
      ],
      "an event that is not JSON, whatever follows": [.stream(["{"] + events), .stream(begin + ["x"] + events)],
      "an error as an event, in the shape of any wire, with status 200": [
        #"{"error":{"message":"x"}}"#, #"{"type":"error","error":{"type":"api_error"}}"#,
        #"{"type":"error","code":null}"#,
      ].map { .stream(begin + [$0]) },
      "an error as an event that names 429, or a limit": [
        #"{"error":{"code":"429"}}"#, #"{"error":{"code":429}}"#,
        #"{"type":"error","error":{"type":"rate_limit_error"}}"#,
      ].map { .stream([$0]) },
      "a stream that is silent for too long; comments and pings are signs of life": [.stream(begin, then: [.hold])],
      "more than 10 MiB of text, or of one event": [.stream([], then: Array(repeating: .bytes(chunk), count: 200))],
    ]
  }

  private static func rows() throws -> [Row] {
    let path = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let file = try #require(fopen("/\(path)/Sources/WorkflowCommand/WorkflowCommand.docc/Models.md", "r"))
    defer { fclose(file) }
    var text: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65_536)
    while case let count = fread(&piece, 1, piece.count, file), count > 0 { text += piece[..<count] }
    let lines = String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
    let start = try #require(lines.firstIndex { $0.hasPrefix("| what comes |") })
    return lines[(start + 2)...].prefix { $0.hasPrefix("|") }.map { line in
      let cells = line.split(separator: " | ").map { $0.trimming { $0 == "|" || $0 == " " } }
      return Row(what: cells[0], again: cells[1], result: cells[2])
    }
  }

  @Test func `Every row of the table has a test, and every test a row`() throws {
    let rows = try Self.rows().map(\.what)
    #expect(Set(rows) == Set(Self.causes.keys).union(Self.streamCauses(.messages).keys).union([Self.withoutTLS]))
    #expect(rows.count == Set(rows).count)
  }

  @Test(arguments: try rows()) func `A row of the table is what happens`(row: Row) async throws {
    if row.what == Self.withoutTLS {
      for error in [.untrusted("self-signed"), .tlsFailed("alert"), .proxyRefused(status: 407)] as [HTTPError] {
        let failure = ModelFailure(error, of: HTTPRequest(url: "https://example.org/"))
        #expect(failure.code == row.code && !failure.isTransient)
      }
    }
    for wire in ModelDefinition.Wire.allCases {
      for cause in Self.streamCauses(wire)[row.what] ?? [] { try await check(row, cause, on: wire) }
    }
    for cause in Self.causes[row.what] ?? [] {
      let server = try ModelServer()
      server.script([cause, cause])
      let model = server.model(timeout: .milliseconds(500))
      switch row.again {
      case "–":
        #expect(try await model.complete(.example).text == "A bay.")
        #expect(server.calls.count == 1)
      case "in another form":
        server.script([cause, .answer(text: "A bay.")])
        #expect(try await model.complete(.example).text == "A bay.")
        #expect(server.calls.count == 2)
      case "yes", "no":
        let failure = try await model.failure()
        #expect(failure.isTransient == (row.again == "yes"))
        if let code = row.code { #expect(failure.code == code) }
      default: Issue.record("the row says \(row.again)")
      }
    }
  }
}

extension AnswerTableTests {
  /// Whether a stream ends as its row says.
  private func check(_ row: Row, _ cause: ModelServer.Behaviour, on wire: ModelDefinition.Wire) async throws {
    let server = try ModelServer()
    server.behaviour = cause
    let model = server.model(wire) { if row.code == .timeout { $0.idleTimeout = .milliseconds(500) } }
    let (outcome, _) = await model.streamed()
    guard row.again != "–" else { return #expect(outcome.answer?.text == ShortAnswer.text, "\(outcome)") }
    let failure = try #require(outcome.failure)
    #expect(failure.isTransient == (row.again == "yes") && failure.code == row.code, "\(outcome)")
  }
}

extension Substring {
  fileprivate func trimming(_ isOuter: (Character) -> Bool) -> String {
    var text = drop(while: isOuter)
    while let last = text.last, isOuter(last) { text.removeLast() }
    return String(text)
  }
}
