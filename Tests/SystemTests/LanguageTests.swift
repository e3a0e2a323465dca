import ExactJSON
import SystemHarness
import Testing

/// References in texts, keys in brackets, and the operations that cut and join texts, on the real stack.
@Suite struct LanguageTests {
  @Test func `braces and keys in brackets are dependencies and bring values that are data`() async throws {
    let stack = try await SharedStack.get()
    let status = try await stack.run([
      "run_name": "braces", "inputs": ["text": "{{pre.x}} @pre", "a.b": [1, ["\"": "x"]]],
      "steps": [
        [
          "id": "s", "op": "store_result",
          "params": [
            "namespace": "braces-{{pre.clean_text}}",
            "data": ["{{ pre.clean_text }} in \\{{\"a\": 1}}, {{inputs[\"a.b\"]}}", "@inputs[\"a.b\"][1][\"\\\"\"]"],
          ],
        ], ["id": "pre", "op": "preprocess"],
      ],
    ])
    let data: JSONValue = [#"{{pre.x}} @pre in {{"a": 1}}, [1,{"\"":"x"}]"#, "x"]
    #expect(status.at("result", "stores", "braces-{{pre.x}} @pre") == [data])
  }

  @Test func `an output that braces name and that is missing fails the step`() async throws {
    let stack = try await SharedStack.get()
    let status = try await stack.run([
      "run_name": "missing", "inputs": ["text": "x"],
      "steps": [
        ["id": "pre", "op": "preprocess"],
        ["id": "s", "op": "store_result", "params": ["data": "about {{pre.cleaned}}"]],
      ],
    ])
    #expect(status["error_code"] == "reference_missing")
    #expect(status["error"] == "step s: {{pre.cleaned}}: no key cleaned; the keys there: clean_text")
  }

  @Test func `a text is cut, and its parts are joined again`() async throws {
    let stack = try await SharedStack.get()
    let text = "One two. Three four.\n\nFive. 😀"
    let status = try await stack.run([
      "run_name": "split", "inputs": ["text": .string(text)],
      "steps": [
        ["id": "split", "op": "split_text", "params": ["text": "@inputs.text", "max_chars": 10]],
        ["id": "all", "op": "combine", "params": ["parts": "@split.chunks", "separator": ""]],
        [
          "id": "some", "op": "combine",
          "params": ["parts": ["", "@split.chunks[1]", "@split.count", "{{split.count}}!"], "skip_empty": true],
        ],
      ],
    ])
    #expect(
      status.at("result", "outputs", "split")
        == ["chunks": ["One two. ", "Three ", "four.\n\n", "Five. 😀"], "count": 4])
    #expect(status.at("result", "outputs", "all") == ["text": .string(text)])
    #expect(status.at("result", "outputs", "some") == ["text": "Three \n\n4\n\n4!"])
  }

  @Test func `parts whose text is larger than outputs may be fail the step`() async throws {
    let stack = try await SharedStack.get()
    let parts = JSONValue.array(Array(repeating: "", count: 10_000))
    let status = try await stack.run([
      "run_name": "wide", "inputs": ["parts": parts, "line": .string(String(repeating: "-", count: 1_000))],
      "steps": [["id": "a", "op": "combine", "params": ["parts": "@inputs.parts", "separator": "@inputs.line"]]],
    ])
    #expect(status["error_code"] == "output_too_large")
    #expect(status["error"]?.stringValue?.contains("WF_MAX_OUTPUT_BYTES") == true)
  }
}
