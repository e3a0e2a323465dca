import Curl
import ExactJSON
import Hiredis
import SystemHarness
import Testing

/// Stores over HTTP, page by page.
@Suite(.timeLimit(.minutes(3))) struct StorePageTests {
  private static func numbered(_ number: Int) -> JSONObject {
    [
      "run_name": "n",
      "steps": [
        ["id": "s", "op": "store_result", "params": ["namespace": "n", "data": .number(JSONNumber(number))]]
      ],
    ]
  }

  @Test func `Values are answered byte by byte as they were stored, the newest first`() async throws {
    let stack = try await SharedStack.get()
    let stores = StoreReader(stack: stack)
    let data = #"{"z":1.50,"a":12345678901234567890.0,"é":["\u0000",-0.0,1e400,{}],"deep":[[[null]]]}"#
    let first = try await stores.run(StoreReader.body("bytes", data: data))
    let answer = try await stack.send("GET", "/workflow/stores/bytes")
    #expect(answer.status == 200 && answer.header("Cache-Control") == "no-store")
    let stored = try await stack.list("store:bytes")
    #expect(stored.count == 1 && stored[0].contains(#""z":1.50,"a":12345678901234567890.0"#))
    #expect(
      String(decoding: answer.body, as: UTF8.self)
        == #"{"namespace":"bytes","count":1,"values":[\#(stored[0])],"foreign":0,"next":null}"#)
    let head = try await stack.send("HEAD", "/workflow/stores/bytes")
    #expect(head.status == 200 && head.body.isEmpty)
    let items = try await stores.run(
      """
      {"run_name":"r","steps":[{"id":"each","op":"store_result","foreach":["p","q","r"],
        "concurrency":1,"params":{"namespace":"bytes","data":"@item"}}]}
      """)
    let values = try await stores.page("bytes").json["values"]?.arrayValue?.compactMap(\.objectValue) ?? []
    #expect(values.count == 4)
    let ofItems = values.filter { $0["job_id"] == .string(items) }
    #expect(ofItems.map { $0["item"] } == [2, 1, 0] && ofItems.map { $0["data"] } == ["r", "q", "p"])
    #expect(ofItems.allSatisfy { $0["step"] == "each" })
    #expect(values.count { $0["job_id"] == .string(first) && $0["item"] == nil } == 1)
    if stack.prefixes.count == 1 { #expect(values.last?["job_id"] == .string(first)) }
  }

  @Test(arguments: [1, 4])
  func `Pages stay as they are while runs store and old values go`(_ partitions: Int) async throws {
    let options = Stack.Options(workers: 2, settings: ["WF_STORE_MAX_ITEMS": "12"], partitions: partitions)
    try await Stack.with(options) { stack in
      let stores = StoreReader(stack: stack)
      for number in 0..<(20 * partitions) { _ = try await stack.submit(.object(Self.numbered(number))) }
      let full = try await wait("a full store") {
        let lists = try await concurrently(stack.prefixes) { try await stack.command("LLEN", $0 + "store:n").int ?? 0 }
        let queued = try await stack.send("GET", "/status/health").json
        return queued["queued"] == 0 && queued["started"] == 0 ? lists : nil
      }
      #expect(full.allSatisfy { $0 <= 12 })
      let before = try await stack.list("store:n")
      #expect(try await stores.page("n").json["count"] == .number(JSONNumber(before.count)))
      var (shown, cursor, number): ([JSONObject], String?, Int) = ([], nil, 1_000)
      repeat {
        let page = try await stores.page("n", "limit=4" + (cursor.map { "&cursor=\($0)" } ?? ""))
        shown += (page.json["values"]?.arrayValue ?? []).compactMap(\.objectValue)
        cursor = page.next
        _ = try await stack.run(.object(Self.numbered(number)))
        number += 1
      } while cursor != nil && number < 1_200
      #expect(cursor == nil)
      let texts = shown.map { JSONValue.object($0).text }
      #expect(Set(texts).count == texts.count)
      // Of four lists one may be read after values have come to it.
      if partitions == 1 { #expect(Set(texts).isSubset(of: before)) }
      let after = try await stack.list("store:n")
      #expect(Set(before).intersection(after).isSubset(of: texts))
      if partitions == 1 { #expect(texts == Array(before.reversed().prefix(texts.count))) }
    }
  }

  @Test func `What wf has not written is left out and counted`() async throws {
    let stack = try await SharedStack.get()
    let stores = StoreReader(stack: stack)
    let foreign = [
      "", "text", "{", "{\"job_id\":1}", "[]", "null", "\u{0}", StoreReader.element("oops"),
      StoreReader.element("1") + "}",
      "{\"job_id\":\"x\",\"step\":\"s\",\"data\":1}", "{\"job_id\":\"\(StoreReader.job)\",\"step\":\"s\"}",
      "{\"job_id\":\"\(StoreReader.job)\",\"step\":\"\",\"data\":1}",
      "{\"job_id\":\"\(StoreReader.job)\",\"step\":\"s\",\"data\":1,\"x\":2}",
      "{\"job_id\":\"\(StoreReader.job)\",\"step\":\"s\",\"item\":-1,\"data\":1}",
      "{\"job_id\":\"\(StoreReader.job)\",\"step\":\"s\",\"item\":\"1\",\"data\":1}",
      StoreReader.element(String(repeating: "[", count: 5_000)),
    ]
    let own = (0..<5).map { StoreReader.element("\($0)") }
    // As Python's json.dumps writes it.
    let spaced = "{\"job_id\": \"\(StoreReader.job)\", \"step\": \"s\", \"item\": 3, \"data\": {\"a\": 1}}"
    var elements = zip(foreign, own).flatMap { [$0, $1] } + foreign.dropFirst(5) + [spaced]
    try await stores.push("store:foreign", elements)
    for prefix in stack.prefixes {
      _ = try await stack.command(
        "EVAL", "return redis.call('RPUSH', KEYS[1], '\\255\\254')", "1", prefix + "store:foreign")
      elements.append("")
    }
    let whole = try await stores.page("foreign", "limit=1000")
    #expect(whole.next == nil && whole.json["foreign"] == .number(JSONNumber(elements.count - 6)))
    #expect(Set(whole.data.map(\.text)) == ["0", "1", "2", "3", "4", "{\"a\":1}"])
    #expect(try await stores.all("foreign", limit: 2).count == 6)
    let shown = try await wf("stores", "foreign", settings: ["WF_URL": stack.url])
    #expect(shown.code == 0 && shown.output.split(separator: "\n").count == 6)
    #expect(shown.error.contains("\(elements.count - 6) entries are not shown"))
  }

  @Test func `Long values come on pages of their own, and all of them come`() async throws {
    let stack = try await SharedStack.get()
    let values = (0..<9).map { "\"\($0)" + String(repeating: "x", count: $0 == 4 ? 6 << 20 : 1_500_000) + "\"" }
    for value in values {
      _ = try await stack.command("RPUSH", stack.prefixes[0] + "store:long", StoreReader.element(value))
    }
    var (found, cursor, pages): ([Character], String?, Int) = ([], nil, 0)
    repeat {
      let answer = try await stack.send("GET", "/workflow/stores/long" + (cursor.map { "?cursor=\($0)" } ?? ""))
      #expect(answer.status == 200)
      let json = try answer.json
      let data = (json["values"]?.arrayValue ?? []).compactMap { $0.objectValue?["data"]?.stringValue }
      #expect(answer.body.count < (4 << 20) + 1_000 || data.count == 1)
      #expect(!data.isEmpty)
      found += data.compactMap(\.first)
      cursor = json["next"]?.stringValue
      pages += 1
    } while cursor != nil && pages < 20
    #expect(String(found) == "876543210" && pages >= 5)
  }

  @Test func `A limit and a cursor that are none are refused`() async throws {
    let stack = try await SharedStack.get()
    let stores = StoreReader(stack: stack)
    try await stores.push("store:limits", (0..<8).map { StoreReader.element("\($0)") })
    let faults = [
      "limit=0", "limit=1001", "limit=-1", "limit=x", "limit=", "limit=1.0", "limit=99999999999999999999",
      "cursor=", "cursor=y", "cursor=1", "cursor=0-0", "cursor=%ff",
      "cursor=" + String(repeating: "0_", count: 99) + "0",
      "cursor=1-0-1-1-" + String(repeating: "g", count: 24), "owner=a%20b",
    ]
    for query in faults {
      let answer = try await stack.send("GET", "/workflow/stores/limits?" + query)
      #expect(answer.status == 422, "\(query)")
      let fault = try answer.json["detail"]?.arrayValue?.first?.objectValue
      #expect(fault?["loc"] == ["query", .string(String(query.prefix { $0 != "=" }))], "\(query)")
    }
    // One of another store, or made up, leads to an end.
    let marks = String(repeating: "a", count: 24)
    for place in ["x", "1-0-8-9-\(marks)", "999999999-0-1-1-\(marks)", "1-999999999-999999999-999999999-\(marks)"] {
      let cursor = stack.prefixes.map { _ in place }.joined(separator: "_")
      let page = try await stores.page("limits", "cursor=\(cursor)")
      #expect(page.data == [] && page.next == nil)
    }
    #expect(try await stores.all("limits", limit: 1).count == 8)
    #expect(try await stores.all("limits", limit: 3).count == 8)
    for method in ["POST", "PUT", "PATCH"] {
      let answer = try await stack.send(method, "/workflow/stores/limits", body: [])
      #expect(answer.status == 405 && answer.header("Allow") == "GET, HEAD, DELETE", "\(method)")
    }
  }
}
