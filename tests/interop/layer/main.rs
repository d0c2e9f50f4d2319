// Logs in at the sandbox as a bot or a user, and prints the session string that layer writes.
// $PLAY: address, data centre, then "bot" and a token, or "user", phone, code and password.
use layer_client::{Client, SignInError};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let play = std::env::var("PLAY")?;
    let play: Vec<&str> = play.split('\n').collect();
    let (client, _stop) = Client::builder()
        .api_id(1)
        .api_hash("0".repeat(32))
        .session(std::env::var("SESSION")?)
        .dc_addr(play[0])
        .connect()
        .await?;
    if play[2] == "bot" {
        client.bot_sign_in(play[3]).await?;
    } else {
        let token = client.request_login_code(play[3]).await?;
        match client.sign_in(&token, play[4]).await {
            Err(SignInError::PasswordRequired(t)) => client.check_password(*t, play[5]).await?,
            other => other?,
        };
    }
    println!("session {}", client.export_session_string().await?);
    Ok(())
}
