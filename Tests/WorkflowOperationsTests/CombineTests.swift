import ExactJSON
import Testing
import Workflow
import WorkflowOperations

@Suite struct CombineTests {
  private let combine = Combine()

  private func text(_ params: JSONObject) async throws -> JSONValue? { try await combine.outputs(params)["text"] }

  @Test func `Texts are joined by two line feeds, or by the separator`() async throws {
    #expect(try await combine.outputs(["parts": ["a", "b", "c"]]) == ["text": "a\n\nb\n\nc"])
    #expect(try await text(["parts": ["a", "b"], "separator": ""]) == "ab")
    #expect(try await text(["parts": ["a", "e"], "separator": "\u{301}"]) == "a\u{301}e")
    #expect(try await text(["parts": ["a"]]) == "a")
    #expect(try await text(["parts": []]) == "")
  }

  @Test func `A value that is no string is its compact JSON text`() async throws {
    let parts = try JSONValue(parsing: #"[1.50, null, true, {"b": [1, "x\n"], "a": {}}, "s"]"#)
    #expect(try await text(["parts": parts, "separator": "|"]) == .string(#"1.50|null|true|{"b":[1,"x\n"],"a":{}}|s"#))
  }

  @Test func `Empty parts are kept unless the step says otherwise`() async throws {
    let parts: JSONValue = ["", "a", "", nil, " ", [], ""]
    #expect(try await text(["parts": parts, "separator": "-"]) == "-a--null- -[]-")
    #expect(try await text(["parts": parts, "separator": "-", "skip_empty": true]) == "a- -[]")
    #expect(try await text(["parts": ["", nil], "skip_empty": true]) == "")
  }

  @Test func `The parameters are checked at submission`() {
    #expect(combine.faults([:]) == ["parts: missing"])
    #expect(
      combine.faults(["parts": "a", "separator": 1, "skip_empty": "true"])
        == ["parts: list_type", "separator: string_type", "skip_empty: bool_type"])
    #expect(combine.faults(["parts": "{{a.b}}", "skip_empty": 0]) == ["parts: list_type", "skip_empty: bool_type"])
    #expect(combine.faults(["parts": "@chunks.items", "separator": "{{a.b}}", "skip_empty": "@a.b"]) == [])
  }

  /// Why the operation fails where its outputs may take so many bytes.
  private func failure(_ params: JSONObject, limit: Int) async -> StepError? {
    let params = combine.parameters.fillingDefaults(params)
    let limit = ByteLimit(limit, setting: "WF_TEST")
    do throws(StepError) {
      _ = try await combine.run(Invocation(job: "j", step: "s", params: params, inputs: [:], outputLimit: limit))
      return nil
    } catch {
      return error
    }
  }

  @Test func `Nothing is built that is larger than outputs may be`() async throws {
    let empty = JSONValue.array(Array(repeating: "", count: 100))
    let wide: JSONObject = ["parts": empty, "separator": .string(String(repeating: "\u{1}", count: 100_000))]
    let large = JSONValue.array([.string(String(repeating: "x", count: 100_000))])
    let nested: JSONObject = ["parts": .array(Array(repeating: large, count: 100))]
    for params in [wide, nested] {
      let message = "the outputs take more than 2097152 bytes (WF_TEST)"
      #expect(await failure(params, limit: 2 << 20) == .failed(StepFailure(.outputTooLarge, message)))
    }
  }

  @Test func `The limit counts the outputs as JSON text`() async throws {
    let params: JSONObject = ["parts": ["a\"", ["b\n"], "\u{1}é"], "separator": "\t"]
    let bytes = JSONValue.object(try await combine.outputs(params)).bytes.count
    #expect(await failure(params, limit: bytes) == nil)
    #expect(await failure(params, limit: bytes - 1) != nil)
  }

  @Test func `It is not immediate, because its parts may be large`() { #expect(!combine.isImmediate) }
}
