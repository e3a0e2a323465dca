import Curl
import ExactJSON
import Hiredis
import SystemHarness
import Testing

/// What the tests of stores share.
struct StoreReader: Sendable {
  let stack: Stack

  static let job = "b7f935c2-6f95-4a8e-9c1a-3c9c7a21e5a2"

  /// An element of a list as wf writes it.
  static func element(_ data: String, step: String = "s") -> String {
    "{\"job_id\":\"\(job)\",\"step\":\"\(step)\",\"data\":\(data)}"
  }

  /// A run that stores something.
  static func body(_ namespace: String, data: String = "1") -> String {
    let name = JSONValue.string(namespace).text
    return """
      {"run_name":"r","steps":[{"id":"s","op":"store_result","params":{"namespace":\(name),"data":\(data)}}]}
      """
  }

  /// The path of a store.
  static func path(_ namespace: String) -> String {
    let unreserved = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_~".utf8)
    let text = namespace.utf8.map { byte in
      if unreserved.contains(byte) { return String(UnicodeScalar(byte)) }
      return "%" + String(Int(byte) + 256, radix: 16).dropFirst()
    }
    return "/workflow/stores/" + text.joined()
  }

  /// Runs a body to its end.
  /// - Returns: its job's id.
  func run(_ body: String) async throws -> String {
    let answer = try await stack.post(body)
    let id = try #require(try answer.json["job_id"]?.stringValue)
    #expect(try await stack.end(of: id)["status"] == "finished")
    return id
  }

  /// A page of a store.
  func page(
    _ namespace: String, _ query: String = ""
  ) async throws -> (json: JSONObject, data: [JSONValue], next: String?) {
    let answer = try await stack.send("GET", Self.path(namespace) + "?" + query)
    let json = try answer.json
    #expect(answer.status == 200, "\(json)")
    let data = (json["values"]?.arrayValue ?? []).compactMap { $0.objectValue?["data"] }
    return (json, data, json["next"]?.stringValue)
  }

  /// The data of all pages.
  func all(_ namespace: String, limit: Int) async throws -> [JSONValue] {
    var (found, cursor, pages): ([JSONValue], String?, Int) = ([], nil, 0)
    repeat {
      let page = try await page(namespace, "limit=\(limit)" + (cursor.map { "&cursor=\($0)" } ?? ""))
      found += page.data
      cursor = page.next
      pages += 1
    } while cursor != nil && pages < 1_000
    return found
  }

  /// Appends elements to a list, to those of several partitions in turn.
  func push(_ key: String, _ elements: [String]) async throws {
    for (number, element) in elements.enumerated() {
      let prefix = stack.prefixes[number % stack.prefixes.count]
      _ = try await stack.command("RPUSH", prefix + key, element)
    }
  }
}
