public import ExactJSON

/// Bodies that many tests post.
public enum Examples {
  /// The contract's text.
  public static let text = "India's TB elimination program aims to reduce incidence rapidly."

  /// The example of the contract.
  public static let example: JSONValue = workflow(text: text)

  /// The example of the README: a long text in parts, a summary of each, and a summary of these.
  public static let mapReduce: JSONValue = [
    "run_name": "map-reduce",
    "inputs": ["text": ""],
    "steps": [
      ["id": "split", "op": "split_text", "params": ["text": "@inputs.text", "max_chars": 4_000]],
      [
        "id": "map", "op": "llm_summarize", "foreach": "@split.chunks", "concurrency": 10,
        "params": ["source": "@item"],
      ],
      ["id": "join", "op": "combine", "params": ["parts": "@map.items[*].summary"]],
      ["id": "reduce", "op": "llm_summarize", "params": ["source": "@join.text", "max_tokens": 500]],
      ["id": "store", "op": "store_result", "params": ["namespace": "summaries", "data": "@reduce.summary"]],
    ],
  ]

  /// preprocess → llm_summarize → store_result.
  public static func workflow(text: String, maxTokens: Int = 100, namespace: String = "summaries") -> JSONValue {
    [
      "run_name": "summarize-then-store",
      "inputs": ["text": .string(text)],
      "steps": [
        ["id": "pre", "op": "preprocess", "params": ["field": "text"]],
        [
          "id": "llm", "op": "llm_summarize", "needs": ["pre"],
          "params": ["max_tokens": .number(JSONNumber(maxTokens))],
        ],
        [
          "id": "store", "op": "store_result", "needs": ["llm"], "params": ["namespace": .string(namespace)],
        ],
      ],
    ]
  }
}

extension JSONObject {
  /// The names of the progress entries, a step's with the step behind it.
  public var messages: [String] {
    (self["progress"]?.arrayValue ?? []).compactMap(\.objectValue).map { entry in
      let step = entry["step"]?.stringValue.map { " " + $0 } ?? ""
      return (entry["msg"]?.stringValue ?? "?") + step
    }
  }

  /// A value deep inside.
  public func at(_ path: String...) -> JSONValue? {
    path.reduce(JSONValue.object(self)) { value, key in value?.objectValue?[key] }
  }
}
