/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/explain.h"
#include "decode/line.h"
#include "decode/userspace.h"

/* A record of systemd by type and the beginning of its string; $ stands for
 * what follows. */
static const struct {
	const char *type, *begins, *en, *ja;
} records[] = {
    {"phase", "enter-initrd", "the initrd begins", "initrd を開始"},
    {"phase", "leave-initrd", "the initrd hands over to the system",
	"initrd からシステムへ移行"},
    {"phase", "sysinit", "the basic system is set up",
	"基本システムの初期化が完了"},
    {"phase", "ready", "the system is ready for users",
	"システムが利用可能になった"},
    {"phase", "shutdown", "the system shuts down", "シャットダウンを開始"},
    {"phase", "final", "the last services have ended", "最後のサービスが終了"},
    {"phase", "", "boot phase $", "ブートフェーズ $"},
    {"os-separator", "os-separator",
	"the operating system runs: end of what came before it",
	"OS が動作中。それ以前の測定の終わり"},
    {"machine-id", "machine-id:", "this system's machine ID is $",
	"このシステムの machine-id は $"},
    {"filesystem", "file-system:", "a file system is mounted: $",
	"ファイルシステムをマウント: $"},
    {"volume-key", "", "a volume was opened with its key: $",
	"ボリュームが鍵で開かれた: $"},
    {"keyslot", "", "a key slot opened a volume: $",
	"鍵スロットによりボリュームが開かれた: $"},
    {"nvpcr-init", "nvpcr-init:", "an NvPCR was set up: $", "NvPCR を設定: $"},
    {"nvpcr-separator", "", "end of setting up NvPCRs", "NvPCR の設定の終わり"},
    {"product-id", "product-id:", "the hardware is product $",
	"ハードウェアの製品 ID は $"},
    {"dm-verity", "", "a volume with verified contents: $",
	"検証付きボリューム (dm-verity): $"},
    {"imds-userdata", "", "user data that the cloud gave",
	"クラウドから渡されたユーザデータ"},
    {"login", "", "a user logged in: $", "利用者がログイン: $"},
};

static const struct {
	uint8_t type;
	uint32_t event;
	const char *en, *ja;
} events[] = {
    {CEL_TYPE_CEL, CEL_EVENT_FIRMWARE_END, "end of the firmware's records",
	"ファームウェアのレコードの終わり"},
    {CEL_TYPE_CEL, CEL_EVENT_STATE_TRANS,
	"the machine slept, or another kernel was started",
	"休止、又は別のカーネルの起動"},
    {CEL_TYPE_COS, 0, "the container image that was asked for",
	"指定されたコンテナイメージ"},
    {CEL_TYPE_COS, 1, "the digest of the container image",
	"コンテナイメージのダイジェスト"},
    {CEL_TYPE_COS, CEL_COS_LAUNCH_SEPARATOR,
	"the container runs: nothing more may be set",
	"コンテナが動作中。以降の設定は許されない"},
};

static const char *
fill(const char *words, struct span rest, struct arena *a)
{
	struct line l;

	line_init(&l);
	for (const char *s = words; *s; s++) {
		const char c[2] = {*s, '\0'};
		if (*s == '$')
			line_utf8(&l, rest);
		else
			line_puts(&l, c);
	}
	return line_done(&l, a);
}

static const char *
explain_systemd(const struct cel_record *rec, bool ja, struct arena *a)
{
	const struct cel_field *f = cel_field(rec, "string");
	struct span text = f ? f->bytes : span_of("", 0);

	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		size_t n = strlen(records[i].begins);
		if (!userspace_is(rec, records[i].type) || text.n < n ||
		    (n && memcmp(text.p, records[i].begins, n) != 0))
			continue;
		return fill(ja ? records[i].ja : records[i].en,
		    span_of(text.p + n, text.n - n), a);
	}
	return "";
}

const char *
cel_explain(const struct cel_record *rec, const char *lang, struct arena *a)
{
	bool ja = lang && strcmp(lang, "ja") == 0;

	if (rec->type == CEL_TYPE_SYSTEMD)
		return explain_systemd(rec, ja, a);
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (events[i].type == rec->type &&
		    events[i].event == rec->event)
			return ja ? events[i].ja : events[i].en;
	return "";
}
