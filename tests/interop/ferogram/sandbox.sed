# The list of server keys is built in: one more, from $SANDBOX_KEY (fingerprint, n, e).
/^pub fn key_for_fingerprint/,/^}/s/^        _ => return None,$/        _ => { let t = std::env::var("SANDBOX_KEY").ok()?; let mut w = t.split(' '); \
            if w.next()?.parse::<i64>().ok()? != fp { return None; } rsa::Key::new(w.next()?, w.next()?)? }/
# layer has its addresses built in, too, and looks at no other before the first login.
s/^pub fn fallback_dc_addr(dc_id: i32) -> .*{$/&\
    if let Ok(a) = std::env::var("SANDBOX_ADDRESS") { let _ = dc_id; return Box::leak(a.into_boxed_str()); }/
