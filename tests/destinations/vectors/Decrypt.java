import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.spec.MGF1ParameterSpec;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import javax.crypto.Cipher;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.OAEPParameterSpec;
import javax.crypto.spec.PSource;
import javax.crypto.spec.SecretKeySpec;

/** java Decrypt.java private.pem: one encrypted value a line in, the base64 of its plain bytes a line out. */
public class Decrypt {
    // "OAEPWithSHA-256AndMGF1Padding" alone would take SHA-1 for MGF1: both hashes are named.
    static final OAEPParameterSpec BOTH_SHA256 =
            new OAEPParameterSpec("SHA-256", "MGF1", MGF1ParameterSpec.SHA256, PSource.PSpecified.DEFAULT);

    public static void main(String[] arguments) throws Exception {
        PrivateKey key = readKey(Path.of(arguments[0]));
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            byte[] plain = line.contains(".") ? openJwe(key, line) : openBlock(key, Base64.getDecoder().decode(line));
            System.out.println(Base64.getEncoder().encodeToString(plain));
        }
    }

    static PrivateKey readKey(Path path) throws Exception {
        String body = Files.readString(path).replaceAll("-----[A-Z ]+-----|\\s", "");
        return KeyFactory.getInstance("RSA").generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(body)));
    }

    static byte[] openBlock(PrivateKey key, byte[] block) throws Exception {
        Cipher rsa = Cipher.getInstance("RSA/ECB/OAEPPadding");
        rsa.init(Cipher.DECRYPT_MODE, key, BOTH_SHA256);
        return rsa.doFinal(block);
    }

    static byte[] openJwe(PrivateKey key, String token) throws Exception {
        String[] part = token.split("\\.");
        Base64.Decoder url = Base64.getUrlDecoder();
        byte[] contentKey = openBlock(key, url.decode(part[1]));
        Cipher aes = Cipher.getInstance("AES/GCM/NoPadding");
        aes.init(Cipher.DECRYPT_MODE, new SecretKeySpec(contentKey, "AES"), new GCMParameterSpec(128, url.decode(part[2])));
        aes.updateAAD(part[0].getBytes(StandardCharsets.US_ASCII));
        byte[] sealed = url.decode(part[3]), tag = url.decode(part[4]), both = new byte[sealed.length + tag.length];
        System.arraycopy(sealed, 0, both, 0, sealed.length);
        System.arraycopy(tag, 0, both, sealed.length, tag.length);
        return aes.doFinal(both);
    }
}
