import Testing
import Typesetting

/// What infra/Dockerfile and infra/local/install have fonts for. A name without glyphs is a row of boxes on a ticket.
@Suite("Scripts on a page")
struct ScriptsTests {
    @Test(
        "every script of the living has its glyphs, plain and bold",
        arguments: [
            ("Latin", "Zoë Łukasz Đặng Ağaoğlu"),
            ("Greek", "Ελένη Παπαδοπούλου"),
            ("Cyrillic", "Наталія Ґалаґан"),
            ("Armenian", "Արամ Խաչատրյան"),
            ("Georgian", "ნინო ანანიაშვილი ᲜᲘᲜᲝ"),
            ("Hebrew", "נוֹעָה לוי"),
            ("Arabic", "ليلى المَنصوري"),
            ("Persian", "پژمان گلچین‌زاده"),
            ("Urdu", "ثاقب ٹھاکر ڑے"),
            ("Syriac", "ܝܘܚܢܢ"),
            ("Thaana", "އަހްމަދު"),
            ("NKo", "ߛߏߟߏ"),
            ("Devanagari", "प्रियंका क्षत्रिय"),
            ("Bengali", "শ্রীমতী চক্রবর্ত্তী"),
            ("Gurmukhi", "ਗੁਰਪ੍ਰੀਤ ਸਿੰਘ"),
            ("Gujarati", "જ્યોતિ પટેલ"),
            ("Odia", "ଶ୍ରୀକାନ୍ତ ମହାପାତ୍ର"),
            ("Tamil", "ஸ்ரீதேவி கிருஷ்ணன்"),
            ("Telugu", "శ్రీనివాస్ కృష్ణ"),
            ("Kannada", "ಶ್ರೀನಿವಾಸ್ ಕೃಷ್ಣ"),
            ("Malayalam", "ശ്രീദേവി കൃഷ്ണൻ"),
            ("Sinhala", "ශ්‍රී ලංකා විජේසිංහ"),
            ("Thai", "สมชาย ณ อยุธยา"),
            ("Lao", "ພອນສະຫວັນ"),
            ("Tibetan", "བསྟན་འཛིན་རྒྱ་མཚོ"),
            ("Burmese", "အောင်ဆန်းစုကြည်"),
            ("Khmer", "សុខា ស្រីមុំ"),
            ("Ethiopic", "ኃይሌ ገብረሥላሴ"),
            ("Cherokee", "ᏣᎳᎩ"),
            ("Mongolian", "ᠮᠣᠩᠭᠣᠯ"),
            ("Tifinagh", "ⵜⵉⵏⵀⵉⵏⴰⵏ"),
            ("Canadian", "ᓄᓇᕗᑦ"),
            ("Javanese", "ꦲꦤꦕꦫꦏ"),
            ("Balinese", "ᬩᬮᬶ"),
            ("Sundanese", "ᮞᮥᮔ᮪ᮓ"),
            ("Tagalog", "ᜊᜌ᜔ᜊᜌᜒᜈ᜔"),
            ("Cham", "ꨌꩌ"),
            ("NewTaiLue", "ᦺᦑᦟᦹᧉ"),
            ("TaiLe", "ᥖᥭᥰ"),
            ("TaiTham", "ᨲᩫ᩠ᩅᨵᨾ᩠ᨾ᩺"),
            ("OlChiki", "ᱥᱟᱱᱛᱟᱲᱤ"),
            ("Meetei", "ꯃꯤꯇꯩ"),
            ("Lepcha", "ᰛᰩᰴ"),
            ("Limbu", "ᤕᤠᤰᤌᤢᤱ"),
            ("Vai", "ꕙꔤ"),
            ("Adlam", "𞤀𞤣𞤤𞤢𞤥"),
            ("Bamum", "ꚠꚡ"),
            ("Yi", "ꆈꌠꉙ"),
            ("Hangul", "김민준 뷁쀍"),
            ("Kana", "さくら ヴァネッサ ｶﾅ"),
            ("HanSimplified", "王秀英 诸葛亮"),
            ("HanTraditional", "陳怡君 龍龜"),
            ("Bopomofo", "ㄅㄆㄇ"),
            ("Symbols", "Rock ♥ Jazz ★ № 5 €₹₿ → ½"),
            ("Han of names", "髙﨑 㐂"),
            ("Emoji", "🎉 😀"),
        ])
    func glyphs(script: String, name: String) throws {
        for isBold in [false, true] {
            var page = try PDFPage(title: "Scripts")
            page.text(name, x: 48, y: 48, width: 500, size: 13, isBold: isBold, maximumLines: 3)
            #expect(page.missingGlyphs == 0, "\(script)")
            #expect(try !page.document().isEmpty)
        }
    }

    @Test("a character that no font has is noticed")
    func control() throws {
        var page = try PDFPage(title: "Control")
        page.text("Tess", x: 48, y: 48, width: 500, size: 13)
        #expect(page.missingGlyphs == 0)
        page.text("\u{10FFF0}\u{10FFF1}", x: 48, y: 96, width: 500, size: 13)
        #expect(page.missingGlyphs == 2)
        _ = try page.document()
    }
}
