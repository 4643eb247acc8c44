//! The reader of pickles: plain data is read, and anything else is refused with its name.

use std::fmt::Write;

use deeptalk_rt::files::pickle::Pickle;

fn refused(input: &[u8]) -> String {
    let error = Pickle::parse(input, "evil.pkl").unwrap_err();
    assert_eq!(error.exit_code(), 3);
    let text = error.to_string();
    assert!(text.starts_with("evil.pkl: ") && text.len() < 1000, "{text}");
    text
}

#[test]
fn every_way_of_writing_a_number_or_a_text_is_read() {
    // A list of all of them, in the instructions of protocols 0 to 5.
    let mut input = b"(".to_vec();
    for part in [
        b"I-7\n".as_slice(),
        b"I01\n",
        b"L1234567890123456789012L\n",
        b"F2.5\n",
        b"J\xfe\xff\xff\xff",
        b"K\xff",
        b"M\x00\x01",
        b"\x8a\x00",
        b"\x8a\x02\x00\x80",
        b"\x8b\x01\x00\x00\x00\x7f",
        b"G\x3f\xf8\x00\x00\x00\x00\x00\x00",
        b"N",
        b"\x88",
        b"S'a\\n\\x00\\'\\101'\n",
        b"U\x02hi",
        b"T\x01\x00\x00\x00x",
        b"C\x01y",
        b"B\x01\x00\x00\x00z",
        b"\x8e\x01\x00\x00\x00\x00\x00\x00\x00w",
        b"\x96\x01\x00\x00\x00\x00\x00\x00\x00v",
        b"V\\u20ac\xe9\n",
        b"X\x03\x00\x00\x00\xe2\x82\xac",
        b"\x8c\x01u",
        b"\x8d\x01\x00\x00\x00\x00\x00\x00\x00t",
    ] {
        input.extend(part);
    }
    input.extend(b"l.trailing");
    let pickle = Pickle::parse(&input, "all").unwrap();
    assert_eq!(pickle.length, input.len() - "trailing".len());
    let root = pickle.root();
    let item = |index| root.item(index).unwrap();
    assert_eq!(root.items().unwrap().len(), 24);
    let ints = [0, 1, 2, 4, 5, 6, 7, 8, 9, 12].map(|i| item(i).int().unwrap());
    assert_eq!(ints, [-7, 1, 1_234_567_890_123_456_789_012, -2, 255, 256, 0, -32768, 127, 1]);
    assert_eq!([3, 10].map(|i| item(i).float().unwrap()), [2.5, 1.5]);
    assert!(item(11).is_none());
    assert_eq!(item(13).bytes().unwrap(), b"a\n\0'A");
    assert_eq!([14, 15, 16, 17, 18, 19].map(|i| item(i).text().unwrap()), ["hi", "x", "y", "z", "w", "v"]);
    assert_eq!([20, 21, 22, 23].map(|i| item(i).text().unwrap()), ["€é", "€", "u", "t"]);
}

#[test]
fn containers_memo_and_calls_become_plain_values() {
    // {"a": (1, [2]), "b": the same tuple}, then a later "a".
    let input = b"\x80\x02}q\x00(U\x01aK\x01]K\x02a\x86q\x01U\x01bh\x01U\x01aK\x09u.";
    let pickle = Pickle::parse(input, "memo").unwrap();
    assert_eq!(pickle.root().get("a").unwrap().int(), Some(9));
    assert_eq!(pickle.root().get("b").unwrap().item(1).unwrap().item(0).unwrap().int(), Some(2));
    assert!(pickle.root().get("c").is_none());

    // Python 3's bytes for Python 2, an OrderedDict from pairs, an object in the old and in the new form, a
    // persistent id.
    let input =
        b"((c_codecs\nencode\n(V\xe9\x00\nVlatin1\ntRccollections\nOrderedDict\n((lp0\n(lp1\nVk\naK\x05aatR\
        ccopy_reg\n_reconstructor\n(cchumpy.ch\nCh\nc__builtin__\nobject\nNtR}Vx\nK\x03sb\
        cnumpy\nndarray\n)\x81P17\n(cargparse\nNamespace\nK\x01olt.";
    let pickle = Pickle::parse(input, "calls").unwrap();
    let item = |index| pickle.root().item(0).unwrap().item(index).unwrap();
    assert_eq!(item(0).bytes().unwrap(), b"\xe9\0");
    assert_eq!(item(1).get("k").unwrap().int(), Some(5));
    let chumpy = item(2).object().unwrap();
    assert_eq!((chumpy.module, chumpy.name), ("chumpy.ch", "Ch"));
    assert_eq!(chumpy.state.unwrap().get("x").unwrap().int(), Some(3));
    assert_eq!(item(3).object().unwrap().name, "ndarray");
    assert_eq!(item(4).persistent().unwrap().text(), Some("17"));
    assert_eq!(item(5).object().unwrap().args.item(0).unwrap().int(), Some(1));
}

#[test]
fn whoever_wants_to_run_something_is_refused_by_name() {
    for (input, name) in [
        (b"cos\nsystem\n(S'true'\ntR.".as_slice(), "os.system"),
        (b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x04true\x85R.", "posix.system"),
        (b"(S'true'\nios\nsystem\n.", "os.system"),
        (b"(cos\nsystem\nS'true'\no.", "os.system"),
        (b"c__builtin__\neval\n(S'1'\ntR.", "__builtin__.eval"),
        (b"cbuiltins\ngetattr\n.", "builtins.getattr"),
        (b"cnumpy\nload\n.", "numpy.load"),
        (b"ctorch\nload\n.", "torch.load"),
        (b"ctorch.storage\n_load_from_bytes\n.", "torch.storage._load_from_bytes"),
        (b"ctorch.nn.modules.linear\nLinear\n.", "torch.nn.modules.linear.Linear"),
    ] {
        let text = refused(input);
        assert!(text.contains(&format!("`{name}`, which is not something a checkpoint needs")), "{text}");
        assert!(text.contains("GLOBAL") || text.contains("INST"), "{text}");
    }
}

#[test]
fn a_complaint_says_where_and_at_which_instruction() {
    let text = refused(b"(K\x01K\x02R.");
    assert!(text.contains("at byte 5 (opcode REDUCE 0x52)"), "{text}");
    assert!(refused(b"").contains("at byte 0"));
    assert!(refused(b"(((").contains("at byte 3"));
    assert!(refused(b"\xff").contains("unknown 0xff"));
    assert!(refused(b"\x80\x06N.").contains("protocol 6"));
}

#[test]
fn a_number_in_the_file_is_checked_before_anything_is_made_of_it() {
    for opcode in [b"\x8d".as_slice(), b"\x8e", b"\x96", b"\x95"] {
        for length in [u64::MAX, 1 << 40, 4] {
            refused(&[opcode, &length.to_le_bytes(), b"abc"].concat());
        }
    }
    for opcode in [b"T".as_slice(), b"X", b"B", b"\x8b"] {
        refused(&[opcode, &u32::MAX.to_le_bytes(), b"abc"].concat());
    }
    assert!(refused(b"\x8a\x11aaaaaaaaaaaaaaaaa.").contains("17 bytes"));
    assert!(refused(&[b"L".as_slice(), &[b'9'; 5000], b"L\n."].concat()).contains("whole number"));
    assert!(refused(b"j\xff\xff\xff\xff.").contains("none under 4294967295"));
    // The memo is a table by number, not an array with that many entries.
    Pickle::parse(b"Nr\xff\xff\xff\xffg4294967295\n0.", "sparse memo").unwrap();
}

#[test]
fn a_million_levels_are_refused_and_leave_the_stack_alone() {
    const LEVELS: usize = 1_000_000;
    let lists = [vec![b']'; LEVELS], vec![b'a'; LEVELS - 1], b".".to_vec()].concat();
    assert!(refused(&lists).contains("nested too deeply") || refused(&lists).contains("too long"));
    let lists = [vec![b']'; 9999], vec![b'a'; 9998], b".".to_vec()].concat();
    assert!(refused(&lists).contains("nested too deeply"));
    let tuples = [b"N".to_vec(), vec![0x85; LEVELS], b".".to_vec()].concat();
    assert!(refused(&tuples).contains("nested too deeply"));
    let marks = [vec![b'('; LEVELS], vec![b't'; LEVELS], b".".to_vec()].concat();
    assert!(refused(&marks).contains("nested too deeply"));
    assert!(refused(&vec![b'('; LEVELS]).contains("at byte 1000000"));
    let fine = [b"N".to_vec(), vec![0x85; 150], b".".to_vec()].concat();
    Pickle::parse(&fine, "deep").unwrap();
}

#[test]
fn a_value_that_contains_itself_is_refused() {
    assert!(refused(b"]q\x00h\x00a.").contains("circle"));
    assert!(refused(b"}q\x00(U\x01a]h\x00au.").contains("circle"));
}

#[test]
fn a_bomb_of_shared_values_stays_small_and_quick() {
    // Each of 150 levels contains the level below a hundred times: 10^300 values when written out, 15 000
    // numbers here.
    let mut input = b"N".to_vec();
    for level in 0..150u8 {
        input.extend([b'q', level, b'0', b'(']);
        (0..100).for_each(|_| input.extend([b'h', level]));
        input.push(b't');
    }
    input.push(b'.');
    let pickle = Pickle::parse(&input, "bomb").unwrap();
    assert_eq!(pickle.root().items().unwrap().len(), 100);

    // The same text converted many times, and the same pairs.
    let mut text = String::from("c_codecs\nencode\np0\n0(V");
    text.push_str(&"x".repeat(100_000));
    text.push_str("\nVlatin1\ntp1\n0(");
    for _ in 0..1000 {
        text.push_str("g0\ng1\nR");
    }
    text.push_str("l.");
    assert!(refused(text.as_bytes()).contains("over and over"));
    let mut text = String::from("ccollections\nOrderedDict\np0\n0((l");
    for i in 0..10_000 {
        write!(text, "(I{i}\nNta").unwrap();
    }
    text.push_str("tp1\n0(");
    for _ in 0..10_000 {
        text.push_str("g0\ng1\nR");
    }
    text.push_str("l.");
    assert!(refused(text.as_bytes()).contains("over and over"));
}

#[test]
fn more_instructions_than_a_checkpoint_can_need_are_refused() {
    let input = [vec![b'('], vec![b'N'; 5_000_000], b"l.".to_vec()].concat();
    assert!(refused(&input).contains("too long"));
    assert!(refused(&vec![b'2'; 5_000_000]).contains("at byte 0"));
    let input = [vec![b'N'], vec![b'2'; 5_000_000]].concat();
    assert!(refused(&input).contains("too long"));
}

#[test]
fn instructions_on_an_empty_or_foreign_stack_are_refused() {
    for input in [
        b".".as_slice(),
        b"0.",
        b"1.",
        b"2.",
        b"a.",
        b"e.",
        b"s.",
        b"u.",
        b"t.",
        b"R.",
        b"b.",
        b"q\x00.",
        b"(.",
        b"(a.",
        b"(2.",
        b"\x85.",
        b"\x87.",
        b"N(b.",
        b"NNa.",
        b"NNNs.",
        b"N(Nu.",
        b"}(Nu.",
        b"(Nd.",
        b"NNb.",
        b"NNR.",
        b"N)R.",
        b"NN\x93.",
        b"N\x94\x92.",
        b"Q.",
        b"o.",
        b"(o.",
        b"(Nios\n.",
        b"\x82\x01.",
        b"\x97.",
        b"\x98.",
        b"S'a.",
        b"S'a\n.",
        b"S'\\q'\n.",
        b"S'\\777'\n.",
        b"S'\\x1'\n.",
        b"V\\u12\n.",
        b"V\\ud800\n.",
        b"X\x01\x00\x00\x00\xff.",
        b"Ix\n.",
        b"F1..2\n.",
        b"c_codecs\nencode\n(V\\u20ac\ntR.",
        b"c_codecs\nencode\n)R.",
        b"ccollections\nOrderedDict\n(NtR.",
        b"ccollections\nOrderedDict\n((NltR.",
        b"ccopyreg\n_reconstructor\n)R.",
        b"c\xff\n\xff\n.",
    ] {
        refused(input);
    }
}
