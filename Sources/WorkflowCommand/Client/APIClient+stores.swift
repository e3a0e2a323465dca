import ExactJSON

extension APIClient {
  /// A page of the values of a store.
  /// - Parameters:
  ///   - owner: whose it is; nil: that of the key.
  ///   - cursor: where the page begins.
  func store(_ namespace: String, of owner: String?, limit: Int, from cursor: String?) async throws -> JSONObject {
    let start = cursor.map { "&cursor=\(APIClient.escaped($0))" } ?? ""
    // A page has 4 MiB, or one value that is longer.
    return try await send(
      "GET", path(of: namespace) + "?limit=\(limit)\(start)\(query(owner, after: "&"))", maxResponseBytes: 1 << 30)
  }

  /// Removes a store.
  func deleteStore(_ namespace: String, of owner: String?) async throws {
    _ = try await send("DELETE", path(of: namespace) + query(owner, after: "?"))
  }

  private func path(of namespace: String) -> String { "/workflow/stores/" + APIClient.escaped(namespace) }

  private func query(_ owner: String?, after mark: String) -> String {
    owner.map { "\(mark)owner=\(APIClient.escaped($0))" } ?? ""
  }
}
