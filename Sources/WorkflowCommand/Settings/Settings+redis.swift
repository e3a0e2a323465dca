import Hiredis

/// Where Redis is.
extension Settings {
  /// The address of Redis with its password and its TLS; nil if there is none.
  static func redis(_ reader: inout SettingsReader) -> RedisAddress? {
    let text = reader.text("REDIS_URL", default: "redis://127.0.0.1:6379/0") ?? ""
    let passwordFile = reader.text("REDIS_PASSWORD_FILE")
    let tls = tls(&reader)
    do {
      var address = try RedisAddress(text)
      let hasPassword = address.password != nil
      if hasPassword, passwordFile != nil {
        reader.refuse(
          "REDIS_PASSWORD_FILE", "REDIS_URL has a password and REDIS_PASSWORD_FILE is set: keep one of them")
      }
      address.passwordFile = passwordFile ?? (hasPassword ? nil : reader.credential("redis_password"))
      if address.tls != nil { address.tls = tls } else { refuseTLS(&reader) }
      reader.show("REDIS_URL", as: "\(address)")
      return address
    } catch {
      reader.show("REDIS_URL", as: "(invalid)")
      reader.refuse("REDIS_URL", "REDIS_URL\(reader.place(of: "REDIS_URL")): \(error)")
      return nil
    }
  }

  /// The files for TLS. They are read for every connection, so what is wrong with them is said there.
  private static func tls(_ reader: inout SettingsReader) -> RedisTLS {
    var tls = RedisTLS()
    tls.authorities = reader.text("REDIS_TLS_CA_FILE")
    tls.certificate = reader.text("REDIS_TLS_CERT_FILE")
    tls.key = reader.text("REDIS_TLS_KEY_FILE")
    if tls.certificate != nil, tls.key == nil { tls.key = reader.credentialFile("redis_tls_key") }
    if tls.certificate != nil, tls.key == nil {
      reader.refuse(
        "REDIS_TLS_CERT_FILE", "REDIS_TLS_CERT_FILE is set without REDIS_TLS_KEY_FILE: set both or none of them")
    }
    if tls.certificate == nil, tls.key != nil {
      reader.refuse(
        "REDIS_TLS_KEY_FILE", "REDIS_TLS_KEY_FILE is set without REDIS_TLS_CERT_FILE: set both or none of them")
    }
    return tls
  }

  /// Whoever sets one of the files counts on TLS.
  private static func refuseTLS(_ reader: inout SettingsReader) {
    for name in ["REDIS_TLS_CA_FILE", "REDIS_TLS_CERT_FILE", "REDIS_TLS_KEY_FILE"] where reader.isSet(name) {
      reader.refuse(
        name,
        "\(name)\(reader.place(of: name)) is set, but REDIS_URL has no TLS: write rediss:// there, or take \(name) away"
      )
    }
  }
}
